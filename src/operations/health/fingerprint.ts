import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { MigrationSettings } from "../../migration-folders/migration-source.ts";
import { ownFolder } from "./processes.ts";

interface Folders {
  readonly tenantMigrations: MigrationSettings;
  readonly tenantSeeds: { readonly dir: string };
}

/** A deploy changes folders under a process that runs, so they are read again. */
const FRESH_MS = 20_000;

/**
 * Answers what identifies the migration folder and the seeds of this process: a
 * SHA-256, or null where the migration folder is refused. It is read anew after 20 s.
 */
export function fingerprints(folders: Folders): () => Promise<string | null> {
  let known: { readonly answer: Promise<string | null>; readonly until: number } | null = null;
  return async () => {
    if (known === null || known.until < performance.now())
      known = { answer: fingerprintOf(folders), until: performance.now() + FRESH_MS };
    return await known.answer;
  };
}

/** What identifies the folders as they lie there at this moment; null where the migration folder is refused. */
export async function fingerprintOf({
  tenantMigrations,
  tenantSeeds,
}: Folders): Promise<string | null> {
  const { hash } = await ownFolder(tenantMigrations);
  if (hash === null) return null;
  const { schema, placeholders } = tenantMigrations;
  const whole = createHash("sha256").update(JSON.stringify([hash, schema, placeholders]));
  for (const [name, content] of await filesOf(tenantSeeds.dir))
    whole.update(JSON.stringify([name, createHash("sha256").update(content).digest("hex")]));
  return whole.digest("hex");
}

async function filesOf(dir: string): Promise<[string, Buffer][]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return await Promise.all(
    paths.map(
      async (path): Promise<[string, Buffer]> => [relative(dir, path), await readFile(path)],
    ),
  );
}
