import { afterEach } from "vitest";
import type { Around } from "./wrap.ts";

/** A phase of the test's choice that fails behind its deed. */
export interface PlannedFailure extends Around {
  /** The phase's name, also behind its operation's kind: `MIGRATE VERIFIED`; null: none fails. */
  at: string | null;
}

/** Plans no failure yet; what a test plans is forgotten behind it. */
export function planFailure(around: Pick<Around, "times"> = {}): PlannedFailure {
  const plan: PlannedFailure = {
    ...around,
    at: null,
    afterEffect: async (phase, _run, kind) => {
      if (plan.at === phase || plan.at === `${kind} ${phase}`) throw new Error("planned failure");
    },
  };
  afterEach(() => {
    plan.at = null;
  });
  return plan;
}
