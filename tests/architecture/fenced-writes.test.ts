import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const OPERATIONS = resolve(import.meta.dirname, "../../src/operations");
/** A statement of its own that writes to the platform: whoever was frozen before it makes it late. */
const UNFENCED = /\.fork\(\)(?:\s*as \w+\))?\s*\.(?:native\w+|insert|upsert)\w*\(/g;

test("operations write to the platform in transactions that are refused to who has lost them", async () => {
  const files = (await readdir(OPERATIONS, { recursive: true })).filter((file) =>
    file.endsWith(".ts"),
  );
  const found = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(OPERATIONS, file), "utf8");
      return [...text.matchAll(UNFENCED)].map(([call]) => `${file}: ${call}`);
    }),
  );
  expect(files.length).toBeGreaterThan(100);
  expect(found.flat()).toEqual([]);
});
