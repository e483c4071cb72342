import { expect, test } from "vitest";
import { openProgressView } from "../../src/cli/operation/progress-view.ts";
import type { Output } from "../../src/cli/terminal/output.ts";
import { operationCatalog } from "../../src/operations/catalog.ts";
import type { EventBody, PhaseState } from "../../src/operations/engine/operation.entity.ts";

const names = Object.values(operationCatalog({} as Parameters<typeof operationCatalog>[0])).flatMap(
  ({ phases }) => phases.map(({ name }) => name),
);

function linesOf(events: readonly [phase: string, state: PhaseState, note: string | null][]) {
  const lines: string[] = [];
  const out = {
    isTerminal: false,
    line: (text = "") => void lines.push(text),
    style: (_style: string, text: string) => text,
  } as unknown as Output;
  const view = openProgressView(out);
  for (const [phase, state, note] of events) {
    const body: EventBody = { type: "PHASE_STATE", phase, state, note, attempt: 1, error: null };
    view.show({ at: new Date(), body });
  }
  return lines;
}

test("every phase has its words in the same column", () => {
  const lines = linesOf(names.map((name) => [name, "SKIPPED", "why"]));
  expect(new Set(lines.map((line) => line.indexOf("skipped: why"))).size).toBe(1);
});

test("a phase without an undo says that there is nothing to undo, and why", () => {
  const [nothing, undone] = linesOf([
    ["VERIFIED", "UNDONE", "it only looks"],
    ["SECRET_SET", "UNDONE", null],
  ]);
  expect(nothing).toMatch(/↶ VERIFIED +nothing to undo: it only looks$/);
  expect(undone).toMatch(/↶ SECRET_SET +undone$/);
});
