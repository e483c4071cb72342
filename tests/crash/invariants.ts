import type pg from "pg";
import type { Lane } from "./lane.ts";
import type { CrashOperation } from "./operations.ts";
import { plantedIn } from "./planted.ts";
import type { Ran } from "./run-case.ts";
import { snapshotOf } from "./snapshot.ts";
import { pause } from "./waiting.ts";

/** What an undisturbed run of an operation leaves. */
export type Undisturbed = Pick<Ran, "after" | "afterNext">;

/** What is true behind every case; answers what is not, in words. */
export async function violationsOf(
  lane: Lane,
  operation: CrashOperation,
  ran: Ran,
  undisturbed: Undisturbed | null,
): Promise<string[]> {
  const ofEnd = operation.cancelIn === undefined ? asItIs : asCancelled;
  const comparable = (snapshot: readonly string[]) =>
    ofEnd(ran.unit === null ? snapshot : asStruck(snapshot));
  const found = [
    ...(await endedOnce(lane, operation, ran)),
    ...differences("behind it", comparable(undisturbed?.after ?? ran.after), comparable(ran.after)),
    ...differences(
      "behind the next operation",
      comparable(undisturbed?.afterNext ?? ran.afterNext),
      comparable(ran.afterNext),
    ),
    ...soundness(ran.after, "behind it"),
    ...soundness(ran.afterNext, "behind the next operation"),
    ...(await journalFaults(lane.sql, ran.slug)),
    ...(await bystanderFaults(lane)),
    ...(await idleTransactions(lane)),
    ...(await plantedIn(lane, ran)),
    ...bugsIn(ran.logs),
  ];
  return found.length === 0 ? [] : [...found, ...warningsIn(ran.logs)];
}

const asItIs = (snapshot: readonly string[]) => snapshot;

/** What a struck worker has stored in a secret and not noted is replaced once, and the trail tells of it. */
const asStruck = (snapshot: readonly string[]) =>
  snapshot.filter((line) => !/^fact TENANT_SECRET_RESTORED \w+ 1$/.test(line));

/**
 * Of a cancelled provisioning, what does not depend on how far it was: where its worker is struck before the
 * phase in which it is to be cancelled, it is cancelled then, and less was made and undone.
 */
const asCancelled = (snapshot: readonly string[]) =>
  snapshot
    .filter((line) => !/^phase PROVISION .* (UNDONE|PENDING)$|^secret .* deleted$/.test(line))
    .map((line) =>
      line.startsWith("tenant ") ? (/"status": "\w+"/.exec(line)?.[0] ?? line) : line,
    );

/** The one end that the operation has, and that of the next one. */
async function endedOnce(
  { sql }: Lane,
  operation: CrashOperation,
  { ids }: Ran,
): Promise<string[]> {
  const { rows } = await sql.query<{ id: string; state: string; status: string }>(
    `select o.id, o.state, t.status from platform.operation o
     join platform.tenant t on t.id = o.subject_id where o.id = any($1)`,
    [[ids.operation, ids.next]],
  );
  const stateOf = (wanted: string) => rows.find(({ id }) => id === wanted)?.state ?? "gone";
  const state = stateOf(ids.operation);
  const next = stateOf(ids.next);
  return [
    ...(state === operation.state ? [] : [`it ended ${state}, and not ${operation.state}`]),
    ...(next === "SUCCEEDED" ? [] : [`the next operation, ${operation.next}, ended ${next}`]),
  ];
}

function differences(
  when: string,
  expected: readonly string[],
  found: readonly string[],
): string[] {
  const minus = (some: readonly string[], others: readonly string[]) => {
    const left = new Map<string, number>();
    for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
    return some.filter((line) => {
      const count = left.get(line) ?? 0;
      left.set(line, count - 1);
      return count <= 0;
    });
  };
  return [
    ...minus(expected, found).map((line) => `${when} there is no: ${line}`),
    ...minus(found, expected).map((line) => `${when} there is: ${line}`),
  ];
}

/** What must not stand in any snapshot, be it as in the undisturbed run. */
function soundness(snapshot: readonly string[], when: string): string[] {
  const active = snapshot.some(
    (line) => line.startsWith("tenant ") && line.includes('"status": "ACTIVE"'),
  );
  const secret = snapshot.filter((line) => line.startsWith("secret "));
  return [
    ...snapshot
      .filter((line) => line.startsWith("finding "))
      .map((line) => `${when} the doctor says: ${line}`),
    ...(active && !secret.some((line) => line.includes(" logs in, "))
      ? [`${when} the secret does not log in: ${secret}`]
      : []),
  ];
}

/** Journals without a gap, one last event each, and one TENANT_PROVISIONED for each success. */
async function journalFaults(sql: pg.Client, slug: string): Promise<string[]> {
  const { rows } = await sql.query<{ fault: string }>(
    `with journal as (
       select o.id, o.kind, o.state, o.last_sequence, count(e.*)::int as events, max(e.sequence) as newest,
         count(*) filter (where e.body->>'type' = 'OPERATION_STATE'
           and e.body->>'state' in ('SUCCEEDED', 'FAILED', 'CANCELLED'))::int as ends,
         (array_agg(e.body->>'state' order by e.sequence desc))[1] as last
       from platform.operation o left join platform.operation_event e on e.operation_id = o.id
       where o.subject_name = $1 group by o.id)
     select 'journal of ' || kind || ': ' || events || ' events, the newest is ' || newest || ' of ' || last_sequence as fault
       from journal where events <> newest or newest <> last_sequence
     union all
     select 'journal of ' || kind || ' has ' || ends || ' ends, the last event is ' || coalesce(last, 'none')
       from journal where ends <> 1 or last is distinct from state
     union all
     select j.kind || ' ' || j.state || ' has ' || count(a.*) || ' TENANT_PROVISIONED'
       from journal j left join platform.audit_event a on a.operation_id = j.id and a.type = 'TENANT_PROVISIONED'
       where j.kind = 'PROVISION' group by j.id, j.kind, j.state
       having count(a.*) <> (j.state = 'SUCCEEDED')::int`,
    [slug],
  );
  return rows.map(({ fault }) => fault);
}

async function bystanderFaults(lane: Lane): Promise<string[]> {
  const found = await Promise.all(
    lane.bystanders.map(async ({ slug, snapshot }) =>
      differences(
        `of the bystander ${slug}`,
        snapshot,
        await snapshotOf(lane, slug, { doctor: false }),
      ),
    ),
  );
  return found.flat();
}

const SETTLES_MS = 5_000;

/** Sessions that are left in a transaction, when those that are being ended have had their time. */
async function idleTransactions(lane: Lane): Promise<string[]> {
  const look = async () => {
    const { rows } = await lane.sql.query<{ line: string }>(
      `select application_name || ': ' || left(query, 100) as line from pg_stat_activity a
       where state like 'idle in transaction%' and state_change < clock_timestamp() - interval '300 ms' and (${lane.databases})`,
    );
    return rows.map(({ line }) => `a session is left idle in a transaction: ${line}`);
  };
  const end = performance.now() + SETTLES_MS;
  for (;;) {
    const found = await look();
    if (found.length === 0 || performance.now() > end) return found;
    await pause(200);
  }
}

/** What the workers have warned of, for whoever looks into a violation. */
const warningsIn = (logs: string): string[] =>
  logs
    .split("\n")
    .filter((line) => /^\{"level":[4-6]0,/.test(line))
    .map((line) => `logged: ${line.slice(0, 500)}`);

/** What was logged as E_INTERNAL and not planned is a bug. */
function bugsIn(logs: string): string[] {
  return logs.split("\n").flatMap((line) => {
    if (!line.includes('"code":"E_INTERNAL"') || !line.endsWith("}")) return [];
    const { code, err = {} } = JSON.parse(line) as { code?: string; err?: { message?: string } };
    const isPlanned = err.message?.startsWith("planned") === true;
    return code !== "E_INTERNAL" || isPlanned
      ? []
      : [`logged as E_INTERNAL: ${line.slice(0, 1_000)}`];
  });
}
