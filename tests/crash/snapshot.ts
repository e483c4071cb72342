import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import type { Platform } from "../../src/platform.ts";
import { findTenant } from "../../src/tenants/registry.ts";
import type { Tenant } from "../../src/tenants/tenant.entity.ts";
import { secretsOf } from "./look-at-secrets.ts";
import { insideOf, onServer } from "./look-at-server.ts";
import { lines, type Place, rows } from "./place.ts";
import { pause, until } from "./waiting.ts";

/**
 * Everything that there is of the tenant of a slug, as sorted lines without what differs from one run to the
 * next (ids, times, names that hold the slug): equal for two tenants that went through the same.
 */
export async function snapshotOf(
  place: Place,
  slug: string,
  { doctor = true, strangers = false } = {},
): Promise<string[]> {
  const { platform } = place;
  const tenant = await findTenant(platform.orm.em.fork(), { slug });
  const found = [
    ...(await registered(place, slug)),
    ...(await peopleOf(place, slug)),
    ...(await factsOf(place, slug)),
    ...(await onServer(place, slug)),
    ...(await secretsOf(place, slug)),
    ...(tenant === null ? [] : await insideOf(place, tenant)),
    ...(doctor ? await doctorOf(platform, slug, tenant, strangers) : []),
  ];
  const home = new URL(platform.databaseUrl).pathname.slice(1);
  return found
    .map((line) => withoutChance(withoutNames(line, slug)).replaceAll(home, "$home"))
    .toSorted();
}

/** A secret that was written late is put right within seconds; one that is not yet by then is in the snapshot. */
const LATE_SECRET_MS = 15_000;

/**
 * The same, when no workflow of the slug runs any more, and its secret is the noted one.
 *
 * @throws NeverEnds
 */
export async function settledSnapshot(
  place: Place,
  slug: string,
  options?: Parameters<typeof snapshotOf>[2],
): Promise<string[]> {
  const running = `select from dbos.workflow_status w join platform.operation o
    on starts_with(w.workflow_uuid, o.id::text)
    where o.subject_name = $1 and w.name in ('operation', 'timer') and w.status in ('PENDING', 'ENQUEUED')`;
  await until(`a workflow of ${slug} does not end`, async () => {
    const { rowCount } = await place.sql.query(running, [slug]);
    return rowCount === 0 ? true : null;
  });
  await untilNoted(place, slug);
  return await snapshotOf(place, slug, options);
}

/** Waits until what the store answers for the slug is what the registry has noted. */
async function untilNoted({ platform, sql }: Place, slug: string): Promise<void> {
  const noted = `select secret_name as name, max(secret_version) filter (where status <> 'PURGED') as version
    from platform.tenant where slug = $1 group by secret_name`;
  for (const end = performance.now() + LATE_SECRET_MS; performance.now() < end; await pause(100)) {
    const [secret] = await rows<{ name: string; version: string | null }>(sql, noted, [slug]);
    const newest = secret && (await platform.secrets.get(secret.name));
    if ((newest?.version ?? null) === (secret?.version ?? null)) return;
  }
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const TIME = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?/g;
const VERSION = /\b[0-9a-f]{32}\b/g;

const withoutNames = (line: string, slug: string): string =>
  line
    .replaceAll(slug, "$slug")
    .replaceAll(slug.replaceAll("-", "_"), "$slug")
    .replace(UUID, "$id")
    .replace(TIME, "$time")
    .replace(VERSION, "$version")
    .replace(/\\*"(durationMs|bytes)\\*": ?\d+/g, '"$1": 0');

/** What differs in the result of an operation of a kind, though nothing is wrong. */
const VARYING: readonly (readonly [kinds: RegExp, told: RegExp])[] = [
  // It tells what its last attempt has added; how many rows there are is looked at inside.
  [/^operation (SEED|PROVISION) /, /\\*"(rows|rowsAdded)\\*": ?\d+/g],
  // What was rolled back has used numbers up.
  [/^operation ADD_LABORATORY /, /\\*"(id)\\*": ?\\*"\d+\\*"/g],
  // A frozen worker's own session may be among them.
  [/^operation /, /\\*"(sessionsEnded)\\*": ?\d+/g],
];

const withoutChance = (line: string): string =>
  VARYING.reduce(
    (text, [kinds, told]) => (kinds.test(text) ? text.replace(told, '"$1": 0') : text),
    line,
  );

/** The rows of the registry and of the journal. */
async function registered({ sql }: Place, slug: string): Promise<string[]> {
  return [
    ...(await lines(
      sql,
      "select 'tenant ' || (to_jsonb(t) - 'updated_at')::text as line from platform.tenant t where slug = $1",
      [slug],
    )),
    ...(
      await rows<{ line: string; result: unknown }>(
        sql,
        `select 'operation ' || kind || ' ' || state || ' ' || coalesce(error->>'code', '') as line, result
         from platform.operation where subject_name = $1`,
        [slug],
      )
    ).map(({ line, result }) => `${line} ${JSON.stringify(inOrder(result))}`),
    ...(await lines(
      sql,
      `select 'phase ' || o.kind || ' ' || p.name || ' ' || p.state as line from platform.operation_phase p
       join platform.operation o on o.id = p.operation_id where o.subject_name = $1`,
      [slug],
    )),
    // A timer's id begins with its operation's, and so does nothing else's.
    ...(await lines(
      sql,
      `select 'workflow ' || w.name || ' ' || o.kind || ' ' || w.status as line
       from dbos.workflow_status w join platform.operation o on starts_with(w.workflow_uuid, o.id::text)
       where o.subject_name = $1 and w.name in ('operation', 'timer')`,
      [slug],
    )),
  ];
}

/** Lists in an operation's result come in any order. */
const inOrder = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map((each) => JSON.stringify(inOrder(each))).toSorted()
    : value !== null && typeof value === "object"
      ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, inOrder(each)]))
      : value;

async function peopleOf({ sql }: Place, slug: string): Promise<string[]> {
  const ofTenant = "(select id from platform.tenant where slug = $1)";
  return [
    ...(await lines(
      sql,
      "select 'identity ' || email as line from platform.identity where email like $1 || '@%'",
      [slug],
    )),
    ...(await lines(
      sql,
      `select 'membership ' || role as line from platform.membership where tenant_id in ${ofTenant}`,
      [slug],
    )),
    ...(await lines(
      sql,
      `select 'invitation ' || kind || ' ' || role || ' ' || (revoked_at is null) as line
       from platform.invitation where tenant_id in ${ofTenant}`,
      [slug],
    )),
    ...(await lines(
      sql,
      "select 'mail ' || template || ' ' || (state in ('PENDING', 'SENT')) as line from platform.mail where recipient like $1 || '@%'",
      [slug],
    )),
  ];
}

/** The audit trail, by what was recorded of the tenant. */
const factsOf = async ({ sql }: Place, slug: string): Promise<string[]> =>
  await lines(
    sql,
    `select 'fact ' || type || ' ' || actor_kind || ' ' || count(*) as line from platform.audit_event
     where tenant_slug = $1 group by type, actor_kind`,
    [slug],
  );

/** What the doctor finds wrong with the tenant, and with what belongs to none. */
async function doctorOf(
  platform: Platform,
  slug: string,
  tenant: Tenant | null,
  strangers: boolean,
): Promise<string[]> {
  const own = tenant === null ? [] : await tenantHealth(platform, { slug });
  const all = strangers ? await tenantHealth(platform, { deep: false }) : [];
  const others = all.filter((each) => each.tenant === null || each.tenant.status === "PURGED");
  return [...own, ...others].flatMap(({ findings }) =>
    findings.map((finding) => `finding ${JSON.stringify(finding)}`),
  );
}
