import { violationsOf } from "./invariants.ts";
import { Lane, type Pace } from "./lane.ts";
import type { CrashOperation } from "./operations.ts";
import type { Planned } from "./plan.ts";
import { NotArranged, type Ran, runCase } from "./run-case.ts";
import type { Server } from "./server.ts";
import type { Unit } from "./units.ts";

/** What a point came to. */
export interface Tried {
  readonly point: Planned;
  /** Where it struck; null where the operation had ended before. */
  readonly unit: Unit | null;
  readonly violations: readonly string[];
  readonly ms: number;
}

/** Cases of a lane before another one takes its place: tables and roles of a lane only grow. */
const CASES_OF_A_LANE = 50;
const LEARNS_MS = 2_500;
/** Times that a lane is tried to be opened. */
const OPENINGS = 3;

/** Runs cases on lanes side by side, each kind of store on lanes of its own. */
export class Sweep {
  readonly #server: Server;
  readonly #pace: Pace;
  readonly #undisturbed = new Map<CrashOperation, Ran>();
  #idle: ReadonlySet<string> | null = null;
  /** Lanes that are in order, for whoever needs one next. */
  readonly #spare: Lane[] = [];

  constructor(server: Server, pace: Pace) {
    this.#server = server;
    this.#pace = pace;
  }

  /** Runs operations undisturbed, for what they send and what they leave. */
  async runUndisturbed(
    operations: readonly CrashOperation[],
    lanes: number,
    tell: (operation: CrashOperation, ran: Ran | null, violations: readonly string[]) => void,
  ): Promise<Map<CrashOperation, readonly Unit[]>> {
    await this.#each(
      operations,
      lanes,
      (operation) => operation.store,
      async (lane, operation) => {
        try {
          const ran = await runCase(lane, operation, null);
          this.#undisturbed.set(operation, ran);
          tell(operation, ran, await violationsOf(lane, operation, ran, null));
          return true;
        } catch (error) {
          tell(operation, null, [`${error instanceof Error ? error.stack : error}`]);
          return false;
        }
      },
    );
    return new Map([...this.#undisturbed].map(([operation, { units }]) => [operation, units]));
  }

  /** Tries points; tells each as it ends. */
  async try(
    points: readonly Planned[],
    lanes: number,
    tell: (tried: Tried) => void,
  ): Promise<void> {
    const again: Planned[] = [];
    await this.#each(
      points,
      lanes,
      ({ operation }) => operation.store,
      async (lane, point) => {
        const began = performance.now();
        const tried = await this.#try(lane, point);
        if (tried === null) again.push(point);
        else tell({ point, ...tried, ms: performance.now() - began });
        return tried?.spoiled === false;
      },
    );
    // What could not be begun was not tried: a machine that does much else is too slow at times.
    if (again.length > 0) await this.try(again, lanes, tell);
  }

  async #try(
    lane: Lane,
    point: Planned,
  ): Promise<(Pick<Tried, "unit" | "violations"> & { spoiled: boolean }) | null> {
    const { operation } = point;
    try {
      const ran = await runCase(lane, operation, point);
      const undisturbed = this.#undisturbed.get(operation) ?? null;
      const violations = await violationsOf(lane, operation, ran, undisturbed);
      const spoiled = violations.some((each) =>
        /bystander|finding|idle in a transaction/.test(each),
      );
      return { unit: ran.unit, violations, spoiled };
    } catch (error) {
      if (error instanceof NotArranged) return null;
      const logs = lane.logs().slice(-3_000);
      const violations = [`${error instanceof Error ? error.stack : error}\n${logs}`];
      return { unit: null, violations, spoiled: true };
    }
  }

  /** Does something for each of many on lanes, which are shared out by the stores that are asked for. */
  async #each<Item>(
    items: readonly Item[],
    lanes: number,
    storeOf: (item: Item) => Lane["store"],
    work: (lane: Lane, item: Item) => Promise<boolean>,
  ): Promise<void> {
    const queues = [...Map.groupBy(items, storeOf)];
    await Promise.all(
      queues.map(async ([store, queue]) => {
        const share = Math.max(1, Math.round((lanes * queue.length) / items.length));
        const waiting = queue.values();
        await Promise.all(
          Array.from({ length: Math.min(share, queue.length) }, () =>
            this.#onLane(store, waiting, work),
          ),
        );
      }),
    );
  }

  /** Works off what waits on a lane, which is replaced when it is full or something went wrong on it. */
  async #onLane<Item>(
    store: Lane["store"],
    waiting: IterableIterator<Item>,
    work: (lane: Lane, item: Item) => Promise<boolean>,
  ): Promise<void> {
    let lane: Lane | null = null;
    for (const item of waiting) {
      lane ??= this.#takeSpare(store) ?? (await this.#open(store));
      lane.cases += 1;
      const isFine = await work(lane, item);
      if (isFine && lane.cases < CASES_OF_A_LANE) continue;
      await lane.close().catch(() => undefined);
      lane = null;
    }
    if (lane) this.#spare.push(lane);
  }

  #takeSpare(store: Lane["store"]): Lane | null {
    const index = this.#spare.findIndex((lane) => lane.store === store);
    return this.#spare.splice(index, index < 0 ? 0 : 1)[0] ?? null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#spare.splice(0).map((lane) => lane.close().catch(() => undefined)));
  }

  async #open(store: Lane["store"]): Promise<Lane> {
    for (let left = OPENINGS; ; left -= 1) {
      try {
        const lane = await Lane.open(this.#server, store, this.#pace);
        if (this.#idle === null) this.#idle = await lane.learn(LEARNS_MS);
        else lane.knows(this.#idle);
        return lane;
      } catch (error) {
        // A machine that does much else is too slow for a start at times.
        if (left === 1) throw error;
      }
    }
  }
}
