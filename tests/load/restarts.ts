import { setTimeout as delay } from "node:timers/promises";
import pLimit from "p-limit";
import { type Client, openClient } from "../../src/client/client.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { FollowOperation } from "../api/documents.ts";
import { connectOnce } from "../kit/storm.ts";
import { ask, start } from "./ask.ts";
import { openRig, type Rig } from "./rig.ts";
import { quantile, type Report, type Scenario, sized } from "./scenario.ts";

const TENANTS = 200;
const EVERY_MS = 15_000;
const HEALED_WITHIN_MS = 10_000;
const AT_ONCE = 8;
/** Followers of one client, which has one socket. */
const OF_ONE_CLIENT = 50;

/** 200 provisions while PostgreSQL is restarted at once, without a goodbye, again and again. */
export const restarts: Scenario = {
  name: "restarts",
  about: `${TENANTS} provisions while PostgreSQL restarts (-m immediate) every ${EVERY_MS / 1_000} s`,
  run: async (report, share) => {
    const tenants = sized(TENANTS, share);
    await using rig = await openRig();
    const api = await rig.start("api");
    for (let worker = 0; worker < 2; worker += 1) await rig.start("worker");
    const token = await rig.token("restarts");
    const crashing = crashAgainAndAgain(rig, api.url, token);
    const clients = Array.from({ length: Math.ceil(tenants / OF_ONE_CLIENT) }, () =>
      openClient({ url: api.url, token: () => token }),
    );
    const answers = new Map<string, number>();
    const followed: Promise<number[]>[] = [];
    await pLimit(AT_ONCE).map(Array(tenants).keys(), async (at) => {
      const slug = `load-${String(at).padStart(3, "0")}`;
      const id = await start(api.url, token, slug, (why) => {
        answers.set(why, (answers.get(why) ?? 0) + 1);
      });
      followed.push(follow(clients[at % clients.length] as Client, id));
    });
    const sequences = await Promise.all(followed);
    await untilEnded(rig);
    const heals = await crashing.end();
    for (const client of clients) await client.close();
    report.figure("restarts", heals.length);
    report.figure("requests again", [...answers].map((each) => each.join(" × ")).join(", "));
    report.figure(
      "API answers behind a restart",
      `p50 ${quantile(heals, 0.5)} ms, greatest ${Math.max(...heals)} ms`,
    );
    const slow = heals.filter((ms) => ms > HEALED_WITHIN_MS);
    report.check("heals within 10 s", slow.length === 0 ? null : slow.join(", "));
    const torn = sequences.filter((seen) => seen.some((sequence, index) => sequence !== index + 1));
    report.check("followers are told everything once", torn.length === 0 ? null : String(torn[0]));
    await checkTenants(rig, tenants, report);
  },
};

function crashAgainAndAgain(rig: Rig, url: string, token: string) {
  const stopping = new AbortController();
  const heals: number[] = [];
  const crashing = (async () => {
    for (;;) {
      await delay(EVERY_MS, undefined, { signal: stopping.signal });
      await rig.server.crash();
      const back = performance.now();
      const answered = async () => (await ask(url, token, "{ tenants { nodes { slug } } }")).data;
      while (!(await answered())) await delay(50);
      heals.push(Math.round(performance.now() - back));
    }
  })().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  const end = async () => {
    stopping.abort();
    await crashing;
    return heals;
  };
  return { end };
}

async function follow(client: Client, operationId: string): Promise<number[]> {
  const seen: number[] = [];
  for await (const { operationEvents } of client.subscribe(
    FollowOperation,
    { operationId },
    (data) => data.operationEvents.cursor,
  ))
    seen.push(operationEvents.sequence);
  return seen;
}

async function untilEnded({ rows }: Rig): Promise<void> {
  const open = () =>
    rows<{ open: number }>(
      "select count(*)::int as open from platform.operation where finished_at is null",
    ).catch(() => [{ open: 1 }]);
  while ((await open())[0]?.open !== 0) await delay(200);
}

async function checkTenants(
  { rows, platform, bugs }: Rig,
  wanted: number,
  { figure, check }: Report,
) {
  const states = await rows(
    "select kind, state, count(*)::int from platform.operation group by 1, 2",
  );
  figure("operations", JSON.stringify(states));
  const [active] = await rows<{ n: number }>(
    "select count(*)::int as n from platform.tenant where status = 'ACTIVE'",
  );
  check(`${wanted} tenants are ACTIVE`, active?.n === wanted ? null : JSON.stringify(states));
  const gaps = await rows<{ id: string }>(
    `select operation_id as id from platform.operation_event e
     join platform.operation o on o.id = e.operation_id group by 1, last_sequence
     having min(sequence) <> 1 or max(sequence) <> count(*) or last_sequence <> count(*)`,
  );
  check("events are gapless", gaps.length === 0 ? null : JSON.stringify(gaps));
  const [told] = await rows<{ n: number; tenants: number }>(
    `select count(*)::int as n, count(distinct tenant_id)::int as tenants
     from platform.audit_event where type = 'TENANT_PROVISIONED'`,
  );
  const once = told?.n === wanted && told.tenants === wanted;
  check("one TENANT_PROVISIONED each", once ? null : JSON.stringify(told));
  const health = await tenantHealth(platform);
  const found = health.flatMap(({ tenant, findings }) =>
    findings.map((finding) => `${tenant?.slug ?? "-"} ${JSON.stringify(finding)}`),
  );
  check("the doctor finds nothing", found.length === 0 ? null : `${found.length}: ${found[0]}`);
  const tenants = await rows<{ secret: string }>(
    "select secret_name as secret from platform.tenant",
  );
  const refused: string[] = [];
  for (const { secret } of tenants)
    await connectOnce(platform.secrets, secret).catch((error: unknown) => {
      refused.push(`${secret} ${error}`);
    });
  check("every login works", refused.length === 0 ? null : `${refused.length}: ${refused[0]}`);
  const idle = await rows<{ query: string }>(
    "select query from pg_stat_activity where state like 'idle in transaction%'",
  );
  check("no session is left in a transaction", idle.length === 0 ? null : String(idle[0]?.query));
  const internal = await bugs();
  check("nothing internal in the logs", internal.length === 0 ? null : String(internal[0]));
}
