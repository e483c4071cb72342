import { setTimeout as delay } from "node:timers/promises";
import { PROVISION } from "../kit/documents.ts";
import { provisionRequest } from "../kit/tenants.ts";
import { ask } from "./ask.ts";
import { openRig } from "./rig.ts";
import { type Scenario, sized } from "./scenario.ts";

const PROCESSES = 8;
const REQUESTS = 512;
const SLUG = "contended";

/** What a request came to, in a word: what it started, or the code of why not. */
type Outcome = string;

/** Eight processes, each API and worker, and 512 requests at once for one slug. */
export const oneSlug: Scenario = {
  name: "one-slug",
  about: `${PROCESSES} processes and ${REQUESTS} requests at once for one slug`,
  run: async (report, share) => {
    // Each process has up to 45 connections.
    await using rig = await openRig({}, { max_connections: "400" });
    const count = sized(PROCESSES, share);
    const processes = await Promise.all(Array.from({ length: count }, () => rig.start("both")));
    const token = await rig.token("contention");
    let again = 0;
    const request = async (at: number): Promise<Outcome> => {
      const { url } = processes[at % count] as (typeof processes)[number];
      // Keys of their own: whoever is not answered asks again. Some share theirs.
      const key = at % 4 === 0 ? `shared-${at % 64}` : `own-${at}`;
      const input = { ...provisionRequest({ slug: SLUG }), idempotencyKey: key };
      for (;;) {
        const { status, data, errors, text } = await ask(url, token, PROVISION, { input });
        const { __typename: type, code, replayed } = data?.provisionTenant ?? {};
        if (type === "ProvisionTenantPayload") return replayed ? "REPLAYED" : "STARTED";
        const why = `${status} ${code ?? errors?.[0]?.extensions?.code ?? type ?? text}`;
        // Overload: no connection, or no time.
        if (!/^(0|408) |E_UNAVAILABLE$/.test(why)) return why;
        again += 1;
        await delay(250);
      }
    };
    const round = () =>
      Promise.all(Array.from({ length: sized(REQUESTS, share) }, (_, at) => request(at)));
    const first = countOf(await round());
    report.figure("answers", told(first));
    report.figure("asked again", again);
    const query = "select id, state from platform.operation where subject_name = $1";
    const ended = async () => {
      for (;;) {
        const found = await rig.rows<{ state: string }>(query, [SLUG]);
        if (found.every(({ state }) => ["SUCCEEDED", "FAILED"].includes(state))) return found;
        await delay(100);
      }
    };
    const operations = await ended();
    const second = countOf(await round());
    report.figure("answers behind its end", told(second));
    const tenants = await rig.rows<{ status: string }>(
      "select status from platform.tenant where slug = $1",
      [SLUG],
    );
    report.check("one tenant", equal(tenants, [{ status: "ACTIVE" }]));
    report.check("one operation", operations.length === 1 ? null : `${operations.length}`);
    // One whose answer was lost is told again as replayed.
    const started = again === 0 ? (first.get("STARTED") ?? 0) : 1;
    report.check("one start", started === 1 ? null : String(started));
    const untyped = [...first.keys(), ...second.keys()].filter(
      (outcome) => !/^(STARTED|REPLAYED|200 E_[A-Z_]+)$/.test(outcome) || /INTERNAL/.test(outcome),
    );
    report.check("every other answer typed", untyped.length === 0 ? null : untyped.join(", "));
    const bugs = await rig.bugs();
    report.check("nothing internal in the logs", bugs.length === 0 ? null : String(bugs[0]));
    const lost = processes.filter((process) => !process.lives()).length;
    report.check("every process lives", lost === 0 ? null : `${lost} have ended`);
  },
};

const countOf = (outcomes: readonly Outcome[]): Map<Outcome, number> =>
  new Map([...Map.groupBy(outcomes, (outcome) => outcome)].map(([key, all]) => [key, all.length]));

const told = (counts: ReadonlyMap<Outcome, number>): string =>
  [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(", ");

const equal = (found: unknown, expected: unknown): string | null =>
  JSON.stringify(found) === JSON.stringify(expected) ? null : JSON.stringify(found);
