import { type CrashOperation, OPERATIONS } from "./operations.ts";
import { type Unit, WAYS, type Way } from "./units.ts";

/** One case of a sweep. */
export interface Planned {
  readonly operation: CrashOperation;
  readonly way: Way;
  readonly n: number;
}

export const nameOf = ({ operation, way, n }: Planned): string => `${operation.name}:${way}:${n}`;

/** The point that `operation:way:N` names. @throws Error where it names none */
export function pointCalled(name: string): Planned {
  const [called, way, n] = name.split(":");
  const operation = OPERATIONS.find((each) => each.name === called);
  const wanted = WAYS.find((each) => each === way);
  if (!operation || !wanted || !(Number(n) > 0))
    throw new Error(`No point is called '${name}': operation:way:N, such as provision:cut:17`);
  return { operation, way: wanted, n: Number(n) };
}

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((one, other) => one.key - other.key).map(({ item }) => item);
}

/** What is to be covered: a way in a phase of an operation. */
interface Cell extends Pick<Planned, "operation" | "way"> {
  readonly units: readonly Unit[];
}

/**
 * Draws points: first one in each cell (operation × way × phase), those of few operations' turns apart; then
 * any. Where there are fewer points than cells, every operation and every way has its share.
 *
 * @param units what each operation sends while nothing befalls it
 */
export function drawPoints(
  units: ReadonlyMap<CrashOperation, readonly Unit[]>,
  { seed, points }: { readonly seed: number; readonly points: number },
): Planned[] {
  const random = randomOf(seed);
  const cells = [...units].flatMap(([operation, all]) => cellsOf(operation, all));
  const inTurns = turnsOf(shuffle(cells, random));
  const drawn: Planned[] = [];
  for (let _round = 0; drawn.length < points; _round += 1) {
    for (const { operation, way, units: some } of inTurns) {
      const unit = some[Math.floor(random() * some.length)];
      if (unit && drawn.length < points) drawn.push({ operation, way, n: unit.n });
    }
  }
  return drawn;
}

const cellsOf = (operation: CrashOperation, units: readonly Unit[]): Cell[] =>
  WAYS.flatMap((way) =>
    [...Map.groupBy(units, ({ phase }) => phase).values()].map((some) => ({
      operation,
      way,
      units: some,
    })),
  );

/** The cells in an order in which operations and ways take turns. */
function turnsOf(cells: readonly Cell[]): Cell[] {
  const queues = new Map<string, Cell[]>();
  for (const cell of cells) {
    const key = `${cell.operation.name}:${cell.way}`;
    queues.set(key, [...(queues.get(key) ?? []), cell]);
  }
  const turns: Cell[] = [];
  while (turns.length < cells.length)
    for (const queue of queues.values()) {
      const next = queue.pop();
      if (next) turns.push(next);
    }
  return turns;
}
