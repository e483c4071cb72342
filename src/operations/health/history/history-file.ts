import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { NotedLink } from "../../../audit/lost-history.ts";
import { NotedLinks, type NotedPlace } from "./noted-place.ts";

/**
 * The file of the data directory in which the head of the audit chain is noted. Its name holds the
 * platform's id: a folder that served another platform says nothing about this one.
 */
export function historyFile(dataDir: string, platformId: string): NotedPlace {
  const path = join(dataDir, `audit-head-${platformId}.json`);
  return {
    name: `${path} on ${hostname()}`,
    visit: async (next) => {
      const links = await readLinks(path);
      const noted = await next({ links, token: 0 });
      if (noted !== null) await writeWhole(path, `${JSON.stringify(noted)}\n`);
    },
  };
}

/** The links of a file; none where it is absent, or somebody has spoilt it. */
async function readLinks(path: string): Promise<readonly NotedLink[]> {
  try {
    return NotedLinks.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined && code !== "ENOENT") throw error;
    return [];
  }
}

/** Writes a file so that it is the former or the new one, also after a power cut. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
