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

/**
 * Tells whether the process can still work: its pools answer, or the database is away, against which no
 * restart helps. It answers at once with what the last look found; being asked begins the next look.
 */
export function openLiveness(ports: Ports, patience: Patience = PATIENCE): () => boolean {
  let stuckSince: number | null = null;
  let lookAfter = 0;
  const look = async () => {
    const stuck = await arePoolsStuck(ports, patience.withinMs);
    stuckSince = stuck ? (stuckSince ?? performance.now()) : null;
    lookAfter = performance.now() + patience.everyMs;
  };
  return () => {
    if (performance.now() >= lookAfter) {
      lookAfter = Number.POSITIVE_INFINITY;
      void look();
    }
    return stuckSince === null || performance.now() - stuckSince < patience.stuckMs;
  };
}

/** Whether a pool gives no answer though the database answers on a connection of its own. */
async function arePoolsStuck(ports: Ports, withinMs: number): Promise<boolean> {
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
  if (pools.every(Boolean)) return false;
  const probe = {
    ...platformConfig(ports.databaseUrl, "probe"),
    connectionTimeoutMillis: withinMs,
  };
  return await withConnection(probe, (client) => client.query("select 1")).then(
    () => true,
    () => false,
  );
}
