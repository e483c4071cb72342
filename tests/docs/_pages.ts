import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

export const read = (path: string): Promise<string> => readFile(join(ROOT, path), "utf8");

const below = (await readdir(join(ROOT, "docs"), { recursive: true }))
  .filter((file) => file.endsWith(".md"))
  .map((file) => `docs/${file.replaceAll("\\", "/")}`)
  .toSorted();

/** Every page that people read, by its path from the root. */
export const PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", ...below];

const texts = new Map(
  await Promise.all(PAGES.map(async (page): Promise<[string, string]> => [page, await read(page)])),
);
export const textOf = (page: string): string => texts.get(page) ?? "";

/** What stands between the heading and the next one of its level. */
export const chapter = (text: string, heading: string): string =>
  text.split(/\n(?=## )/).find((part) => part.startsWith(`## ${heading}\n`)) ?? "";

/** The first cell of every row, without its backquotes. */
export const firstCells = (text: string): string[] =>
  [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell]) => cell ?? "");

const BLOCK = /^ *```(\S*)\n([\s\S]*?)^ *```$/gm;

/** The fenced blocks of these languages; "" is a block that names none. */
export const blocksOf = (text: string, ...languages: string[]): string[] =>
  [...text.matchAll(BLOCK)]
    .filter(([, tag = ""]) => languages.includes(tag))
    .map(([, , block]) => block ?? "");

/** A page's prose, without its fenced blocks. */
export const proseOf = (text: string): string => text.replace(BLOCK, "");

/** Inline code, on one line each. */
export const inlineCode = (text: string): string[] =>
  [...proseOf(text).matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code.replace(/\s+/g, " "));
