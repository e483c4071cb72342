import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type DomainError, isDomainError } from "../../src/kernel/domain-error.ts";
import {
  type MigrationSettings,
  type ReadFolder,
  settingsFor,
} from "../../src/migration-folders/migration-source.ts";
import { readFolder } from "../../src/migration-folders/read-folder.ts";
import { openFolder } from "../kit/folders.ts";

/** Files by path; a path that ends with `/` is an empty folder. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

export async function writeFiles(dir: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const at = join(dir, path);
    await mkdir(path.endsWith("/") ? at : dirname(at), { recursive: true });
    if (!path.endsWith("/")) await writeFile(at, content);
  }
}

/** Reads a folder of these files. */
export async function read(
  files: Files,
  settings: Partial<MigrationSettings> = {},
): Promise<ReadFolder> {
  await using folder = await openFolder();
  await writeFiles(folder.path, files);
  return await readFolder({ ...settingsFor(folder.path), ...settings });
}

/** Why something is refused, with the files that the refusal names. */
export async function refusalOf(reading: Promise<unknown>) {
  const error = await reading.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isDomainError(error, "E_MIGRATION_FOLDER")) throw new Error("not refused", { cause: error });
  const { message, detail, migration }: DomainError = error;
  return { message, files: detail.files as string[], line: migration?.line ?? undefined };
}

export const ids = ({ migrations }: ReadFolder): string[] => migrations.map(({ id }) => id);

/** The lines of a migration's text that are not blank, each with its number. */
export const lines = ({ migrations }: ReadFolder, at = 0): Record<number, string> =>
  Object.fromEntries(
    (migrations[at]?.text ?? "")
      .split("\n")
      .map((line, index) => [index + 1, line] as const)
      .filter(([, line]) => line.trim() !== ""),
  );

/** A statement that no other test has. */
export const table = (name: string): string => `create table ${name} (id int primary key);\n`;
