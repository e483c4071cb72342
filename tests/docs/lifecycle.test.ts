import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import operations from "../../src/cli/generated/operations.json" with { type: "json" };
import { OPERATIONS } from "../../src/operations/catalog.ts";
import {
  LIFECYCLE,
  TENANT_ACTS,
  type TenantAct,
  type TenantStatus,
} from "../../src/tenants/lifecycle.ts";

/** Acts whose commands are not made from their pages. */
const BY_HAND: Partial<Record<string, TenantAct>> = {
  "rotate-credentials": "ROTATE_CREDENTIALS",
  cleanup: "CLEANUP",
};

const cellsOf = (line: string) =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());

function actOf(word: string): TenantAct | undefined {
  const command = operations.find(({ words }) => words.split(" ").includes(word));
  const page = Object.entries(OPERATIONS).find(([name]) => name === command?.operation)?.[1];
  return page?.kind ?? BY_HAND[word];
}

test("the page about operating tenants has the lifecycle as it is", async () => {
  const page = await readFile("docs/operating-tenants.md", "utf8");
  const [, section = ""] = page.split("## Which status allows what\n");
  const [head = "", , ...lines] = section.split("\n").filter((line) => line.startsWith("|"));
  const statuses = cellsOf(head).slice(1) as TenantStatus[];
  const told = lines.flatMap((line) => {
    const [commands = "", ...cells] = cellsOf(line);
    return commands.split(", ").map((word) => [actOf(word), cells] as const);
  });
  // Nobody asks for SET_LIMITS: it follows an update.
  const asked = TENANT_ACTS.filter((act) => act !== "SET_LIMITS");
  expect(told.map(([act]) => act).toSorted()).toEqual(asked.toSorted());
  for (const [act = "PROVISION", cells] of told) {
    const allowed = statuses.map((status) => LIFECYCLE[status][act] === "ALLOWED");
    expect(cells, act).toEqual(allowed.map((is) => (is ? "yes" : "–")));
  }
});
