import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const SRC = resolve(import.meta.dirname, "../../src");
const INTERNALS = "operations/engine/dbos-internals.ts";
const TABLES = "operations/engine/dbos-tables.ts";

/** Each file's matches of `pattern`. */
async function findIn(pattern: RegExp): Promise<string[]> {
  const files = (await readdir(SRC, { recursive: true })).filter((file) => file.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(300);
  const found = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(SRC, file), "utf8");
      return [...text.matchAll(pattern)].map(([match]) => `${file}: ${match}`);
    }),
  );
  return found.flat();
}

test("the durable engine's internals are imported in one file", async () => {
  const found = await findIn(/"@dbos-inc\/dbos-sdk\/[^"]*"/g);
  expect(found).toContain(`${INTERNALS}: "@dbos-inc/dbos-sdk/datasource"`);
  expect(found.filter((match) => !match.startsWith(`${INTERNALS}: `))).toEqual([]);
});

test("the durable engine's tables are named in one file", async () => {
  const found = await findIn(/\bdbos\s*\.\s*"?[a-z_{$]+/g);
  expect(found).toContain(`${TABLES}: dbos.workflow_status`);
  expect(found.filter((match) => !match.startsWith(`${TABLES}: `))).toEqual([]);
});
