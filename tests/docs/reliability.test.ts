import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { OPERATIONS } from "../crash/operations.ts";
import { PAGE, pageOf } from "../crash/report.ts";
import { ACTS } from "../kit/scenarios.ts";

const page = await readFile(PAGE, "utf8");

/** The page without what a sweep has found. */
const withoutFindings = (text: string): string =>
  text
    .split(/\n(?=## )/)
    .filter((chapter) => !chapter.startsWith("## What was tried"))
    .join("\n");

/** The operations and ways of the table, in its order. */
const table = (text: string): string[] =>
  [...text.matchAll(/^\| (?:`([a-z-]+)`|operation) \|(.*)$/gm)].map(
    ([, name, rest]) => name ?? rest ?? "",
  );

test("the sweep has every operation", () => {
  expect([...new Set(OPERATIONS.map(({ act }) => act))].toSorted()).toEqual(ACTS.toSorted());
});

test("the page on reliability is of the present sweep: write it anew where it is not", () => {
  expect(withoutFindings(page)).toBe(withoutFindings(pageOf([])));
  expect(table(page)).toEqual(table(pageOf([])));
});
