import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");

/** What the files of a folder import that is no file beside or below them, as `file → import`. */
async function importsOf(folder: string): Promise<string[]> {
  const files = (await readdir(join(ROOT, folder), { recursive: true })).filter((file) =>
    file.endsWith(".ts"),
  );
  expect(files.length).toBeGreaterThan(10);
  const found = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(ROOT, folder, file), "utf8");
      const imports = text.matchAll(/(?:\bfrom|^import|\bimport\() ?"([^"]+)"/gm);
      return [...imports].map(([, to]) => `${file} → ${to}`);
    }),
  );
  return found.flat();
}

test("the embedded PostgreSQL knows nothing of Tenantry", async () => {
  const strays = (await importsOf("packages/embedded-postgres/src")).filter(
    (each) => !/ → (\.\/[^/]+|node:.*|pg)$/.test(each),
  );
  expect(strays).toEqual([]);
});

test("the embedded PostgreSQL is known to the composition root alone, by its name", async () => {
  const found = (await importsOf("src")).filter((each) => / → (@tenantry|.*packages)\//.test(each));
  expect(found).toEqual(["assemble.ts → @tenantry/embedded-postgres"]);
});
