import { setTimeout as delay } from "node:timers/promises";
import type { OperationCatalog } from "../../src/operations/catalog.ts";
import { followEvents } from "../../src/operations/engine/follow.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import type { Platform } from "../../src/platform.ts";
import { BUNDLED } from "../kit/platform.ts";
import { OPERATOR, provisionRequest } from "../kit/tenants.ts";
import { openRig, type Rig } from "./rig.ts";
import { type Scenario, sized } from "./scenario.ts";

const TENANTS = 50;
const WORKERS = 3;
const OPTIONS = { dryRun: false, idempotencyKey: null };

/** 50 purges at once of the bundled schema, on a server with PostgreSQL's own lock table. */
export const purges: Scenario = {
  name: "purges",
  about: `${TENANTS} purges at once at the default lock table, ${WORKERS} workers`,
  run: async (report, share) => {
    await using rig = await openRig(BUNDLED);
    for (let worker = 0; worker < WORKERS; worker += 1) await rig.start("worker");
    const { platform } = rig;
    const slugs = Array.from({ length: sized(TENANTS, share) }, (_, at) => `purged-${at}`);
    const timed = async (name: string, start: (slug: string) => Promise<string>) => {
      const begun = performance.now();
      const ids = await Promise.all(slugs.map(start));
      await Promise.all(ids.map((id) => toEnd(platform, id)));
      report.figure(name, `${((performance.now() - begun) / 1_000).toFixed(1)} s`);
    };
    await timed("provisioned", async (slug) => {
      const request = provisionRequest({ slug, seeds: [] });
      return (
        await startOnTenant(
          platform,
          OPERATOR,
          platform.operations.provisionTenant,
          request,
          OPTIONS,
        )
      ).operation.id;
    });
    const act = async (name: keyof OperationCatalog, slug: string, more: object) => {
      // biome-ignore lint/suspicious/noExplicitAny: the operation reads the request by its own rules
      const operation = platform.operations[name] as any;
      const request = { slug, ...more };
      const { operation: started } = await startOnTenant(
        platform,
        OPERATOR,
        operation,
        request,
        OPTIONS,
      );
      return started.id;
    };
    await timed("offboarded", (slug) => act("offboardTenant", slug, { reason: "load" }));
    const locks = watchLocks(rig);
    await timed("purged", (slug) =>
      act("purgeTenant", slug, { immediately: true, reason: "load" }),
    );
    const { most, running } = await locks.end();
    report.figure("locks at a time, at most", `${most} of 6400`);
    report.figure("operations that ran at a time, at most", running);
    const [again] = await rig.rows<{ n: number }>(
      `select count(*)::int as n from platform.operation_phase p
       join platform.operation o on o.id = p.operation_id where o.kind = 'PURGE' and p.attempt > 1`,
    );
    report.figure("phases of purges that were tried again", again?.n ?? 0);
    const failed = await rig.rows<{ kind: string; error: unknown }>(
      "select kind, error from platform.operation where state <> 'SUCCEEDED'",
    );
    report.check("none fails", failed.length === 0 ? null : JSON.stringify(failed[0]));
    const left = await rig.rows<{ name: string }>(
      "select rolname as name from pg_roles where rolname like '%purged%'",
    );
    report.check("nothing is left", left.length === 0 ? null : JSON.stringify(left));
  },
};

async function toEnd(platform: Platform, id: string): Promise<void> {
  for await (const _ of followEvents(platform, id, 0));
}

/** Looks again and again how many locks the server has given out, and how many operations run. */
function watchLocks({ rows }: Rig) {
  let going = true;
  let most = 0;
  let running = 0;
  const watching = (async () => {
    while (going) {
      const [seen] = await rows<{ locks: number; running: number }>(
        `select (select count(*)::int from pg_locks) as locks,
           (select count(*)::int from platform.operation where state = 'RUNNING') as running`,
      );
      most = Math.max(most, seen?.locks ?? 0);
      running = Math.max(running, seen?.running ?? 0);
      await delay(50);
    }
  })();
  const end = async () => {
    going = false;
    await watching;
    return { most, running };
  };
  return { end };
}
