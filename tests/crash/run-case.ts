import { randomBytes } from "node:crypto";
import { begin } from "../kit/scenarios.ts";
import { arrangeFor, beginOn, Cancelling } from "./begin-case.ts";
import { type Lane, quiet } from "./lane.ts";
import type { CrashOperation } from "./operations.ts";
import { settledSnapshot } from "./snapshot.ts";
import type { Unit, Way } from "./units.ts";
import { until, within } from "./waiting.ts";
import type { Failing, WorkerProcess } from "./worker-process.ts";

/** What befalls a worker, and at which unit. */
export interface Point {
  readonly way: Way;
  readonly n: number;
}

/** What a case came to, before it is judged. */
export interface Ran {
  readonly slug: string;
  /** The operation, and the next one on the slug. */
  readonly ids: { readonly operation: string; readonly next: string };
  /** Where it struck; null where the operation ended before, or nothing was to strike. */
  readonly unit: Unit | null;
  readonly units: readonly Unit[];
  /** Behind the operation, and behind the next one. */
  readonly after: readonly string[];
  readonly afterNext: readonly string[];
  readonly logs: string;
}

interface Strike {
  readonly unit: Unit;
  go(): void;
}

const QUIET_MS = 150;
/** A worker that has just started looks around first. */
const STARTED_MS = 500;
const isFrozenBy = (way: Way | undefined): boolean => way === "freeze" || way === "late";

/** Runs one operation on a slug of its own; without a point nothing befalls it. */
export async function runCase(
  lane: Lane,
  operation: CrashOperation,
  point: Point | null,
): Promise<Ran> {
  const slug = `sw-${randomBytes(4).toString("hex")}`;
  const { rescuer } = lane;
  const failing = operation.failAt === undefined ? {} : { [slug]: operation.failAt };
  const doomed = await madeReady(lane, operation, slug, failing);
  const { id, strike } = await beginUntilStruck(lane, doomed, operation, slug, point, failing);
  const isKilled = strike !== null && point?.way.startsWith("kill") === true;
  if (isKilled) lane.replaceDoomed();
  await rescuer.work(failing);
  await ended(lane, id);
  const isLate = strike !== null && point?.way === "late";
  if (!isLate && !isKilled) await comeToRest(doomed, isFrozenBy(point?.way) ? strike : null);
  const after = await settledSnapshot(lane, slug);
  const units = [...doomed.units.seen];
  await rescuer.work();
  const next = await begin(lane.platform, operation.next, slug, operation.isolation);
  await ended(lane, next.id);
  if (isLate) await comeToRest(doomed, strike);
  const afterNext = await settledSnapshot(lane, slug, { strangers: true });
  const logs = doomed.takeLog() + rescuer.takeLog();
  const ids = { operation: id, next: next.id };
  return { slug, ids, unit: strike?.unit ?? null, units, after, afterNext, logs };
}

/** Nothing has befallen a worker yet, and the case could not be begun all the same. */
export class NotArranged extends Error {
  override readonly name = "NotArranged";
}

/** Makes the tenant, and the worker ready that things befall. @throws NotArranged */
async function madeReady(
  lane: Lane,
  operation: CrashOperation,
  slug: string,
  failing: Failing,
): Promise<WorkerProcess> {
  try {
    await lane.rescuer.work();
    await arrangeFor(lane, operation, slug);
    await lane.rescuer.rest();
    const doomed = await lane.doomed();
    await doomed.work(failing);
    await quiet(doomed, STARTED_MS);
    return doomed;
  } catch (error) {
    throw new NotArranged(`${slug} could not be arranged`, { cause: error });
  }
}

/** Begins the operation, and waits until its worker is struck, or it has ended. */
async function beginUntilStruck(
  lane: Lane,
  doomed: WorkerProcess,
  operation: CrashOperation,
  slug: string,
  point: Point | null,
  failing: Failing,
): Promise<{ id: string; strike: Strike | null }> {
  const struck = Promise.withResolvers<Strike>();
  const cancelling = new Cancelling(lane, operation);
  const plan = point && {
    at: point.n,
    way: point.way,
    onStrike: (unit: Unit, go: () => void) => {
      if (isFrozenBy(point.way)) doomed.signal("SIGSTOP");
      else if (point.way !== "cut") doomed.signal("SIGKILL");
      struck.resolve({ unit, go });
    },
  };
  doomed.units.count(plan, cancelling.phaseSeen);
  const begun = beginOn(lane, operation, slug);
  // A timer's unit may be struck before there is an operation.
  const first = await Promise.race([struck.promise, begun]);
  if (typeof first !== "string" && operation.byTimer) {
    await lane.rescuer.work(failing);
    return { id: await begun, strike: first };
  }
  const id = await begun;
  cancelling.begun(id);
  const done = ended(lane, id).then(async () => {
    await quiet(doomed, QUIET_MS);
    return null;
  });
  done.catch(() => undefined);
  const strike = await Promise.race([struck.promise, done]);
  // What it sends behind its end is not counted.
  if (strike === null && point !== null) doomed.units.off();
  await cancelling.now();
  return { id, strike };
}

/** Lets a frozen worker go on, and waits until one that lives has stopped. */
async function comeToRest(doomed: WorkerProcess, frozen: Strike | null): Promise<void> {
  if (frozen) {
    frozen.go();
    doomed.signal("SIGCONT");
  }
  if (doomed.lives) await quiet(doomed, QUIET_MS);
  if (doomed.lives) await within("the worker does not come to rest", 300_000, doomed.rest());
  doomed.units.off();
}

/** Waits until an operation has ended. @throws NeverEnds with what the engine holds of it */
async function ended({ sql }: Pick<Lane, "sql">, id: string): Promise<void> {
  const query = "select from platform.operation where id = $1 and finished_at is not null";
  await until(
    `operation ${id} does not end`,
    async () => ((await sql.query(query, [id])).rowCount === 1 ? true : null),
    { whenLate: () => heldOf(sql, id) },
  );
}

/** The engine's row of an operation, its worker's, and what the sessions of the sweep do. */
async function heldOf(sql: Lane["sql"], id: string): Promise<string> {
  const { rows } = await sql.query<{ line: string }>(
    `select to_jsonb(w) - 'inputs' - 'output' || jsonb_build_object('worker', to_jsonb(p) - 'kinds') as line
       from dbos.workflow_status w left join platform.worker p using (executor_id) where workflow_uuid = $1
     union all
     select jsonb_build_object('session', application_name, 'state', state, 'since', state_change,
         'waits', wait_event, 'query', left(query, 100))
       from pg_stat_activity where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()`,
    [id],
  );
  return rows.map(({ line }) => JSON.stringify(line)).join("\n");
}
