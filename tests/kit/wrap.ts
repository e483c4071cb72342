import type { EntityManager } from "../../src/database/orm.ts";
import type { AnyOperation, Phase } from "../../src/operations/engine/phase.ts";

// biome-ignore lint/suspicious/noExplicitAny: phases of every operation are wrapped
type AnyPhase = Phase<any, any>;
type AnyRun = Parameters<AnyPhase["ensure"]>[0];

/** What a test does around the phases of an operation. */
export interface Around {
  /** Runs after a phase has done its deed and before that is recorded. */
  readonly afterEffect: (phase: string, run: AnyRun, kind: string) => Promise<void>;
  /** How often each step outside the platform database is done: they must bear more than once. */
  readonly times?: number;
  /** Runs before each undo of a phase that works outside the platform database. */
  readonly beforeUndo?: (phase: string) => Promise<void>;
}

/** The same operations, by their kinds, with a test's doings around their phases. */
export const wrapOperations = (
  definitions: ReadonlyMap<string, AnyOperation>,
  around: Around,
): Map<string, AnyOperation> =>
  new Map(
    [...definitions].map(([kind, { phases, ...definition }]) => [
      kind,
      { ...definition, phases: phases.map((phase: AnyPhase) => wrapPhase(phase, kind, around)) },
    ]),
  );

function wrapPhase(phase: AnyPhase, kind: string, around: Around): AnyPhase {
  const { afterEffect, times = 1, beforeUndo = async () => {} } = around;
  if (phase.where === "platform") {
    return {
      ...phase,
      ensure: async (run: AnyRun, em: EntityManager) => {
        const answer = await phase.ensure(run, em);
        await em.flush();
        await afterEffect(phase.name, run, kind);
        return answer;
      },
    };
  }
  const { undo } = phase;
  const again = async <T>(step: () => Promise<T>): Promise<T> => {
    for (let done = 1; done < times; done += 1) await step();
    return await step();
  };
  return {
    ...phase,
    ensure: async (run: AnyRun) => {
      const answer = await again(() => phase.ensure(run));
      await afterEffect(phase.name, run, kind);
      return answer;
    },
    undo:
      typeof undo === "function"
        ? async (run: AnyRun) => {
            await beforeUndo(phase.name);
            return await again(() => undo(run));
          }
        : undo,
  };
}
