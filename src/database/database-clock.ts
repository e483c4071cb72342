import type { Clock } from "../kernel/clock.ts";
import type { Orm } from "./orm.ts";

/** The date of the platform database, which all processes share, as far as it can be told from here. */
export interface DatabaseClock {
  readonly clock: Clock;
  stop(): void;
}

const MEASURE_MS = 60_000;
/** A smaller difference is none: what is measured is no more exact on a machine with much to do. */
const IGNORED_MS = 1_000;

/**
 * Opens a clock that goes as the machine's does, put right by how far the database's clock is from it:
 * measured now and once a minute. While the database is away the last measurement holds.
 *
 * @param machine the machine's clock
 * @param onDifference hears of a difference that is put right, in ms, when it has changed
 */
export async function openDatabaseClock(
  orm: Orm,
  machine: Clock,
  onDifference: (ms: number) => void,
): Promise<DatabaseClock> {
  let difference = 0;
  const measure = async () => {
    const measured = await measureDifference(orm, machine);
    const next = Math.abs(measured) < IGNORED_MS ? 0 : measured;
    if (Math.abs(next - difference) >= IGNORED_MS) onDifference(next);
    difference = next;
  };
  await measure();
  const timer = setInterval(() => void measure().catch(() => {}), MEASURE_MS);
  timer.unref();
  return {
    clock: () => new Date(machine().getTime() + difference),
    stop: () => clearInterval(timer),
  };
}

/** How far the database's clock is ahead of the machine's, in ms; the answer is taken to be halfway. */
async function measureDifference(orm: Orm, machine: Clock): Promise<number> {
  const em = orm.em.fork();
  const before = machine().getTime();
  const [row] = await em.execute<{ now: number }[]>(
    "select extract(epoch from clock_timestamp())::float8 * 1000 as now",
  );
  const after = machine().getTime();
  return Math.round((row?.now ?? before) - (before + after) / 2);
}
