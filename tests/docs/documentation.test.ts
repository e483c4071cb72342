import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { auditEventsPage, errorsPage } from "../../src/api/reference-pages.ts";
import { EXIT } from "../../src/cli/terminal/exit-codes.ts";
import { provisionTenant } from "../../src/operations/provision-tenant.ts";
import { blocksOf, chapter, firstCells, PAGES, ROOT, read, textOf } from "./_pages.ts";

const architecture = textOf("ARCHITECTURE.md");

test("the README is a front page", () => {
  expect(textOf("README.md").split("\n").length).toBeLessThanOrEqual(250);
});

describe("the reference pages", () => {
  test("have the error codes and audit events of the code", () => {
    expect(textOf("docs/errors.md")).toBe(errorsPage());
    expect(textOf("docs/audit-events.md")).toBe(auditEventsPage());
  });

  test("have every variable of the configuration, and no other", async () => {
    const [, fields = ""] = /const Environment = z\s*\.object\(\{([\s\S]*?)\n {2}\}\)/.exec(
      await read("src/config.ts"),
    ) ?? [""];
    const variables = [...fields.matchAll(/^ {4}([A-Z][A-Z0-9_]*):/gm)].map(([, name]) => name);
    expect(variables).toContain("PORT");
    expect(firstCells(textOf("docs/configuration.md")).sort()).toEqual(variables.sort());
  });

  test("have every exit code, and no other", () => {
    const codes = chapter(textOf("docs/cli.md"), "Exit codes");
    const rows = [...codes.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(rows).toEqual(Object.values(EXIT));
  });

  test("picture the phases of provisioning in their order", () => {
    const [picture = ""] = blocksOf(chapter(textOf("docs/provisioning.md"), "The phases"), "");
    const names = [...picture.matchAll(/^ +\d+ +([A-Z_]+)/gm)].map(([, name]) => name);
    // The list of phases needs nothing to be there.
    const { phases } = provisionTenant.open({} as Parameters<typeof provisionTenant.open>[0]);
    expect(names).toEqual(phases.map((phase) => phase.name));
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

describe("the decisions", () => {
  const records = PAGES.filter((page) => /^docs\/decisions\/\d/.test(page));

  test("are numbered without a gap", () => {
    const numbers = records.map((page) => Number(/\/(\d{4})-[a-z0-9-]+\.md$/.exec(page)?.[1]));
    expect(numbers).toEqual(records.map((_, index) => index + 1));
  });

  test.each(records)("%s has context, decision and consequence", (page) => {
    const headings = [...textOf(page).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(["Context", "Decision", "Consequence"]);
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
    const named = textOf(page).matchAll(
      /[`\s]((?:src|tests|migrations|seeds|docs|bench|bin|\.ci)\/[\w./-]*)`/g,
    );
    const missing: string[] = [];
    for (const [, path = ""] of named) {
      await access(join(ROOT, path)).catch(() => missing.push(path));
    }
    expect(missing).toEqual([]);
  });
});
