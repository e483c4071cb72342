import { setTimeout as delay } from "node:timers/promises";
import { platformConfig } from "../../database/connect.ts";
import type { Orm } from "../../database/orm.ts";
import { withConnection } from "../../database/own-connection.ts";
import type { Platform } from "../../platform.ts";

interface Patience {
  /** How long a pool may take to answer. */
  readonly withinMs: number;
  /** How rarely it is looked, however often somebody asks. */
  readonly everyMs: number;
  /** How long pools may be stuck before the process counts as one that cannot work any more. */
  readonly stuckMs: number;
}

const PATIENCE: Patience = { withinMs: 3_000, everyMs: 5_000, stuckMs: 60_000 };

type Ports = Pick<Platform, "orm" | "reader" | "workerOrm" | "databaseUrl">;

/** What a worker in the same process tells of itself. */
export interface WorkerState {
  /** What only a new process mends; null while there is no such thing. */
  broken(): string | null;
  /** Whether it does what it should do again and again; while its database is away it cannot. */
  isStalled(): boolean;
}

/**
 * Tells what only a restart of the process mends, null while it can work: never that the database is away,
 * against which no restart helps. It answers at once with what the last look found; being asked begins the
 * next look.
 */
export function openLiveness(
  ports: Ports,
  worker: WorkerState | null = null,
  patience: Patience = PATIENCE,
): () => string | null {
  let stuck: { readonly what: string; readonly since: number } | null = null;
  let lookAfter = 0;
  const look = async () => {
    const what = await whatIsStuck(ports, worker, patience.withinMs);
    stuck = what === null ? null : { what, since: stuck?.since ?? performance.now() };
    lookAfter = performance.now() + patience.everyMs;
  };
  return () => {
    if (performance.now() >= lookAfter) {
      lookAfter = Number.POSITIVE_INFINITY;
      void look();
    }
    const broken = worker?.broken() ?? null;
    if (broken !== null || stuck === null) return broken;
    return performance.now() - stuck.since < patience.stuckMs ? null : stuck.what;
  };
}

/** What gives no answer though the database answers on a connection of its own; null where nothing does. */
async function whatIsStuck(
  ports: Ports,
  worker: WorkerState | null,
  withinMs: number,
): Promise<string | null> {
  const answers = (orm: Orm) =>
    Promise.race([
      orm.em
        .fork()
        .execute("select 1")
        .then(
          () => true,
          () => false,
        ),
      delay(withinMs, false),
    ]);
  const pools = await Promise.all([ports.orm, ports.reader, ports.workerOrm].map(answers));
  const names = ["writing", "reading", "the worker"].filter((_, at) => pools[at] === false);
  const stuck = [
    ...(names.length > 0 ? [`the connections for ${names.join(" and ")} are stuck`] : []),
    ...(worker?.isStalled() ? ["the worker does not look into its queue"] : []),
  ];
  if (stuck.length === 0) return null;
  const probe = {
    ...platformConfig(ports.databaseUrl, "probe"),
    connectionTimeoutMillis: withinMs,
  };
  return await withConnection(probe, (client) => client.query("select 1")).then(
    () => stuck.join("; "),
    () => null,
  );
}
