import { setTimeout as delay } from "node:timers/promises";
import pLimit from "p-limit";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { callerOf } from "../kit/api.ts";
import { EVENTS } from "../kit/documents.ts";
import { inputNaming } from "../kit/named-tenant.ts";
import { connectOnce } from "../kit/storm.ts";
import { provisionRequest } from "../kit/tenants.ts";
import { ask } from "./ask.ts";
import { type FailoverRig, openFailoverRig } from "./failover-rig.ts";
import { quantile, type Report, type Scenario } from "./scenario.ts";

const TENANTS = 25;
const AT_ONCE = 8;
const FAILOVERS = 5;
/** What is done with each tenant, in this order. */
const ACTS = ["provisionTenant", "migrateTenant", "rotateTenantCredentials"] as const;
const OPERATIONS = TENANTS * ACTS.length;

/** Five failovers under load, with a standby that has everything and one that may lag. */
export const failover: Scenario = {
  name: "failover",
  about: `${OPERATIONS} operations over ${FAILOVERS} failovers of the platform database, with a synchronous and an asynchronous standby`,
  run: async (report) => {
    await underLoad(report, "synchronous");
    await underLoad(report, "asynchronous");
  },
};

/** What happened to the operations. */
interface Course {
  ended: number;
  /** Acknowledged, and gone behind a failover. */
  readonly lost: string[];
  readonly faults: string[];
  /** How often a request was sent again, by the reason. */
  readonly again: Map<string, number>;
}

async function underLoad(report: Report, kind: "synchronous" | "asynchronous"): Promise<void> {
  const say: Report = {
    figure: (name, value) => report.figure(`${kind}: ${name}`, value),
    check: (name, fault) => report.check(`${kind}: ${name}`, fault),
  };
  await using rig = await openFailoverRig(kind === "synchronous");
  await rig.start("serve");
  for (let worker = 0; worker < 2; worker += 1) await rig.start("worker");
  const course: Course = { ended: 0, lost: [], faults: [], again: new Map() };
  const failing = failOverAgainAndAgain(rig, course);
  const tenants = Array.from({ length: TENANTS }, (_, at) => `over-${String(at).padStart(2, "0")}`);
  await pLimit(AT_ONCE).map(tenants, (slug) => live(rig, course, slug));
  const { away, heals } = await failing;
  say.figure("failovers", away.length);
  say.figure("the address led nowhere for", `${away.join(", ")} ms`);
  say.figure(
    "the API answered again after",
    `p50 ${quantile(heals, 0.5)}, greatest ${Math.max(...heals)} ms`,
  );
  say.figure("requests sent again", [...course.again].map((each) => each.join(" × ")).join(", "));
  say.figure("losses that were noticed and accepted", rig.losses);
  say.figure("acknowledged operations that were lost", course.lost.length);
  const [fault = null] = course.faults;
  say.check(
    "every operation succeeded, and was told gaplessly over the socket that it was followed on",
    fault === null ? null : `${course.faults.length}: ${fault}`,
  );
  if (kind === "synchronous")
    say.check(
      "nothing was lost",
      course.lost.length + rig.losses === 0 ? null : String(course.lost),
    );
  else
    say.check(
      "what was lost was noticed",
      course.lost.length === 0 || rig.losses > 0 ? null : String(course.lost),
    );
  if (course.lost.length === 0) await checkTenants(rig, say);
}

/** Fails over whenever another share of the operations has ended. */
async function failOverAgainAndAgain(rig: FailoverRig, course: Course) {
  const away: number[] = [];
  const heals: number[] = [];
  for (let round = 1; round <= FAILOVERS; round += 1) {
    const due = Math.floor((OPERATIONS / (FAILOVERS + 1)) * round);
    while (course.ended + course.lost.length < due) await delay(20);
    const { at, awayMs, whole } = await rig.replicas.failOver();
    away.push(awayMs);
    while (!(await ask(rig.url, rig.token, "{ dbServers { name } }")).data) await delay(20);
    heals.push(Math.round(performance.now() - at));
    await whole;
  }
  return { away, heals };
}

/** Provisions a tenant, migrates it and gives it new credentials. */
async function live(rig: FailoverRig, course: Course, slug: string): Promise<void> {
  const isolation = Number(slug.slice(-1)) % 2 === 0 ? "SCHEMA" : "DATABASE";
  for (const act of ACTS) {
    const input =
      act === "provisionTenant" ? { ...provisionRequest({ slug }), isolation } : { slug };
    try {
      const id = await begin(rig, course, act, { ...input, idempotencyKey: `${act} ${slug}` });
      if ((await follow(rig, id)) === "LOST") {
        course.lost.push(`${act} ${slug}`);
        return;
      }
      course.ended += 1;
    } catch (error) {
      course.faults.push(`${act} ${slug}: ${error instanceof Error ? error.message : error}`);
      course.ended += 1;
    }
  }
}

/** Asks, with one key, until it is answered; answers the operation's id. */
async function begin(
  rig: FailoverRig,
  { again }: Course,
  act: (typeof ACTS)[number],
  input: Record<string, unknown>,
): Promise<string> {
  const type = `${act.charAt(0).toUpperCase()}${act.slice(1)}`;
  const document = `mutation ($input: ${type}Input!) { answer: ${act}(input: $input) {
    ... on ${type}Payload { operation { id } } ... on UserError { code message } } }`;
  for (;;) {
    const { data, errors, text } = await ask(rig.url, rig.token, document, {
      input: inputNaming(act, input),
    });
    const { operation, code, message } = data?.answer ?? {};
    if (operation) return operation.id;
    const why = String(code ?? errors?.[0]?.extensions?.code ?? text);
    again.set(why, (again.get(why) ?? 0) + 1);
    if (why === "E_HISTORY_LOST") await rig.acceptLoss();
    else if (why !== "E_UNAVAILABLE") throw new Error(`${why} ${message ?? ""}`);
    else await delay(100);
  }
}

/** Follows over a socket of its own, which nobody opens again; LOST where the loss ended it. */
async function follow(rig: FailoverRig, id: string): Promise<"TOLD" | "LOST"> {
  const seen: number[] = [];
  let state: string | undefined;
  const { losses } = rig;
  try {
    for await (const { operationEvents } of callerOf(rig.url, rig.token).follow(EVENTS, { id })) {
      seen.push(operationEvents.sequence);
      state = operationEvents.operationState ?? state;
    }
  } catch (error) {
    const told = error instanceof Error ? error.message : JSON.stringify(error);
    if (rig.synchronous) throw new Error(`the stream ended: ${told}`);
    await rig.acceptLoss();
    if (rig.losses > losses || (await isGone(rig, id))) return "LOST";
    throw new Error(`the stream ended: ${told}`);
  }
  if (seen.some((sequence, at) => sequence !== at + 1)) throw new Error(`told ${seen}`);
  if (state !== "SUCCEEDED") throw new Error(`it is ${state}`);
  return "TOLD";
}

const isGone = async (rig: FailoverRig, id: string) =>
  (await rig.rows("select from platform.operation where id = $1", [id])).length === 0;

async function checkTenants(rig: FailoverRig, { figure, check }: Report): Promise<void> {
  const { platform } = rig;
  const rows = (query: string) => rig.rows(query);
  const states = await rows(
    "select kind, state, count(*)::int from platform.operation group by 1, 2 order by 1, 2",
  );
  figure("operations", JSON.stringify(states));
  const right = states.every(({ state }) => state === "SUCCEEDED");
  check("operations are right", right ? null : JSON.stringify(states));
  const [told] = await rows(
    `select count(*)::int as n, count(distinct tenant_id)::int as tenants
     from platform.audit_event where type = 'TENANT_PROVISIONED'`,
  );
  const once = told?.n === TENANTS && told.tenants === TENANTS;
  check("one TENANT_PROVISIONED each", once ? null : JSON.stringify(told));
  const health = await tenantHealth(platform);
  const found = health.flatMap(({ tenant, findings }) =>
    findings.map(({ code, message }) => `${tenant?.slug ?? "-"} ${code} ${message}`),
  );
  check("the doctor finds nothing", found.length === 0 ? null : `${found.length}: ${found[0]}`);
  const refused: string[] = [];
  for (const { secret } of await rows("select secret_name as secret from platform.tenant"))
    await connectOnce(platform.secrets, String(secret)).catch((error: unknown) => {
      refused.push(`${secret} ${error}`);
    });
  check("every login works", refused.length === 0 ? null : `${refused.length}: ${refused[0]}`);
  const internal = rig.bugs();
  check("nothing internal in the logs", internal.length === 0 ? null : String(internal[0]));
}
