import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { buildSchema, parse, validate } from "graphql";
import { describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { auditEventsPage, errorsPage } from "../../src/api/reference-pages.ts";
import { EXIT } from "../../src/cli/terminal/exit-codes.ts";
import { provisionTenant } from "../../src/operations/provision-tenant.ts";

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string) => readFile(join(ROOT, path), "utf8");

const PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];
const pages = new Map(
  await Promise.all(PAGES.map(async (page): Promise<[string, string]> => [page, await read(page)])),
);
const textOf = (page: string): string => pages.get(page) ?? "";
const readme = textOf("README.md");
const architecture = textOf("ARCHITECTURE.md");

/** What stands between the heading and the next one of its level. */
const chapter = (text: string, heading: string): string =>
  text.split(/\n(?=## )/).find((part) => part.startsWith(`## ${heading}\n`)) ?? "";

/** The first cell of every row, without its backquotes. */
const firstCells = (text: string): string[] =>
  [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell]) => cell ?? "");

const blocksOf = (text: string, language: string): string[] =>
  [...text.matchAll(/^```(\S*)\n([\s\S]*?)^```/gm)]
    .filter(([, tag]) => tag === language)
    .map(([, , block]) => block ?? "");

test("the reference pages have the error codes and audit events of the code", async () => {
  expect(await read("docs/errors.md")).toBe(errorsPage());
  expect(await read("docs/audit-events.md")).toBe(auditEventsPage());
});

describe("the README", () => {
  test("has every variable of the configuration, and no other", async () => {
    const [, fields = ""] = /const Environment = z\s*\.object\(\{([\s\S]*?)\n {2}\}\)/.exec(
      await read("src/config.ts"),
    ) ?? [""];
    const variables = [...fields.matchAll(/^ {4}([A-Z][A-Z0-9_]*):/gm)].map(([, name]) => name);
    expect(variables).toContain("PORT");
    expect(firstCells(chapter(readme, "Configuration")).sort()).toEqual(variables.sort());
  });

  test("has every exit code, and no other", () => {
    const rows = [...readme.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(rows).toEqual(Object.values(EXIT));
  });

  test("pictures the phases of provisioning in their order", () => {
    const [picture = ""] = blocksOf(chapter(readme, "The ten phases of provisioning"), "");
    const names = [...picture.matchAll(/^ +\d+ +([A-Z_]+)/gm)].map(([, name]) => name);
    // The list of phases needs nothing to be there.
    const { phases } = provisionTenant.open({} as Parameters<typeof provisionTenant.open>[0]);
    expect(names).toEqual(phases.map((phase) => phase.name));
  });

  test("asks only what the API answers", async () => {
    const schema = buildSchema(await read("schema.graphql"));
    const documents = [
      ...blocksOf(readme, "graphql"),
      ...[...readme.matchAll(/gql '([^']+)'/g)].map(([, query]) => query ?? ""),
    ];
    expect(documents).toHaveLength(6);
    for (const document of documents) {
      expect(validate(schema, parse(document)).map((error) => error.message)).toEqual([]);
    }
  });
});

describe("the architecture page", () => {
  test("has every room, and every file at the top of src", async () => {
    const entries = await readdir(join(ROOT, "src"), { withFileTypes: true });
    const rooms = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
    const map = chapter(architecture, "Rooms");
    expect(rooms.filter((room) => !map.includes(`\`${room}\``))).toEqual([]);
  });

  test("has every table of the platform schema, and no other", async () => {
    const folder = "migrations/platform";
    const files = await readdir(join(ROOT, folder));
    const sql = (await Promise.all(files.map((file) => read(join(folder, file))))).join("\n");
    const made = [...sql.matchAll(/create table platform\.(\w+)/g)].map(([, table]) => table);
    const dropped = [...sql.matchAll(/drop table platform\.(\w+)/g)].map(([, table]) => table);
    const tables = made.filter((table) => !dropped.includes(table));
    // MikroORM's own.
    tables.push("migration");
    const listed = firstCells(chapter(architecture, "Where state lives"));
    expect(listed.sort()).toEqual(tables.sort());
  });
});

describe.each(PAGES)("%s", (page) => {
  test("names npm scripts that exist", () => {
    const named = [...textOf(page).matchAll(/npm (?:run ([a-z][\w:-]*)|(start|test)\b)/g)];
    const missing = named
      .map(([, script, short]) => script ?? short ?? "")
      .filter((script) => !(script in manifest.scripts));
    expect(missing).toEqual([]);
  });

  test("names files and folders that exist", async () => {
    const text = textOf(page);
    const paths = [
      ...text.matchAll(/`((?:src|tests|migrations|seeds|bin|\.ci)\/[\w./-]*)`/g),
      ...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g),
    ].map(([, path]) => path ?? "");
    const missing: string[] = [];
    for (const path of paths) {
      await access(join(ROOT, path)).catch(() => missing.push(path));
    }
    expect(missing).toEqual([]);
  });
});
