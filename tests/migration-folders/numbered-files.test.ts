import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ids, lines, read, refusalOf, table } from "./_folder.ts";

describe("a folder of numbered files", () => {
  test("is taken in the order of its numbers, however long they are", async () => {
    const folder = await read({
      "10_j.sql": table("j"),
      "9_i.sql": table("i"),
      "20240101000000000001_l.sql": table("l"),
      "100000000000000000000000_m.sql": table("m"),
      "2_b/migration.sql": table("b"),
    });
    expect(folder).toMatchObject({ format: "PLAIN", leftOut: [] });
    expect(ids(folder)).toEqual([
      ...["2_b", "9_i", "10_j", "20240101000000000001_l", "100000000000000000000000_m"],
    ]);
    expect(folder.migrations[0]).toMatchObject({
      file: "2_b/migration.sql",
      transactional: true,
      repeatable: false,
      replaces: [],
    });
  });

  test("takes every way in which numbers are written", async () => {
    const folder = await read({
      "0001_a.sql": table("a"),
      "0002-b.sql": table("b"),
      "0003_c d.sql": table("c"),
      "0004_d.SQL": table("d"),
      "0005 e.sql": table("e"),
      "0006.sql": table("f"),
      "2026-01-05_g.sql": table("g"),
      "2026_01_06_0930_h.sql": table("h"),
    });
    expect(ids(folder)).toEqual([
      ...["0001_a", "0002-b", "0003_c d", "0004_d", "0005 e", "0006"],
      ...["2026-01-05_g", "2026_01_06_0930_h"],
    ]);
  });

  test("goes down into folders of versions", async () => {
    const folder = await read({
      "v1.10/01_c.sql": table("c"),
      "v1.9/02_b.sql": table("b"),
      "v1.9/01_a.sql": table("a"),
      "v1.11/schema.sql": table("d"),
    });
    expect(ids(folder)).toEqual(["v1.9/01_a", "v1.9/02_b", "v1.10/01_c", "v1.11/schema"]);
  });

  test("keeps the checksum of a file whatever its line ends and byte order mark", async () => {
    const sql = "create table a (\n  id int\n);\n";
    const sha256 = createHash("sha256").update(sql).digest("hex");
    const [unix, windows] = await Promise.all([
      read({ "0001_a.sql": sql }),
      read({ "0001_a.sql": `\uFEFF${sql.replaceAll("\n", "\r\n")}` }),
    ]);
    expect(unix.migrations).toEqual(windows.migrations);
    expect(unix.migrations[0]).toMatchObject({ sha256, text: sql });
  });

  test("is refused when two files have one number", async () => {
    const twins = read({ "0001_a.sql": table("a"), "001-b/migration.sql": table("b") });
    expect(await refusalOf(twins)).toMatchObject({ files: ["0001_a.sql", "001-b/migration.sql"] });
  });

  test("is refused when some files have no number, naming these", async () => {
    const files = { "0001_a.sql": "", "LATEST.sql": "", "x/schema.sql": "", "0002_b/": "" };
    const { "0002_b/": _, ...mixed } = files;
    const { message, files: named } = await refusalOf(read(mixed));
    expect(named).toEqual(["LATEST.sql", "x/schema.sql"]);
    expect(message).toContain("give each a number");
    expect(await refusalOf(read(files))).toMatchObject({ files: ["0002_b"] });
  });

  test("may be one file of any name", async () => {
    expect(ids(await read({ "init.sql": table("a"), "README.md": "" }))).toEqual(["init"]);
  });

  test("has values for the placeholders that are given, and no others", async () => {
    const placeholders = { owner: "me", "{{table}}": "t" };
    const folder = await read(
      { "1.sql": `select '\${owner}', '\${other}', {{table}};` },
      { placeholders },
    );
    expect(lines(folder)).toEqual({ 1: `select 'me', '\${other}', t;` });
  });
});

describe("a marker of a way back that no tool here has", () => {
  const markers = [
    ...["-- @DOWN", "-- down", "--//@UNDO", "-- migrate down", "--- ROLLBACK ---"],
    ...["/* revert */", "---- create above / drop below ----", "-- +micrate Down", "-- !Downs"],
  ];
  test.each(markers)("refuses a file with %s before statements", async (marker) => {
    const refused = read({ "0001_a.sql": `${table("a")}\n${marker}\ndrop table a;\n` });
    expect(await refusalOf(refused)).toMatchObject({ files: ["0001_a.sql"], line: 3 });
  });

  test("does no harm with nothing behind it", async () => {
    const text = `${table("a")}-- down\n-- nothing to do\n`;
    expect(ids(await read({ "0001_a.sql": text }))).toEqual(["0001_a"]);
  });

  test.each([
    ["a string", "select '\n-- down\n';"],
    ["a string with an escape", "select E'\\'\n-- down\n';"],
    ["a body", "do $x$\n-- down\nbegin end $x$;"],
    ["a block comment", "/* /* */\n-- down\n*/ select 1;"],
    ["a quoted name", 'select 1 as "\n-- down\n";'],
    ["a sentence", "-- scale down the numbers\nselect 1;"],
  ])("is none inside of %s", async (_where, sql) => {
    expect(ids(await read({ "0001_a.sql": sql, "0002_b.sql": "" }))).toEqual(["0001_a", "0002_b"]);
  });

  test("does not make a plain folder another tool's inside of a string", async () => {
    const sql = "select '\n-- +goose Up\n-- migrate:up\n--liquibase formatted sql\n';";
    expect(await read({ "0001_a.sql": sql })).toMatchObject({ format: "PLAIN" });
  });
});

describe("a dump", () => {
  const HEADER =
    "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET statement_timeout = 0;\n";

  test("is one file, without the lines that only psql understands", async () => {
    const folder = await read({ "x.sql": `${HEADER}select '\n\\restrict';\n\\unrestrict abc\n` });
    expect(folder).toMatchObject({ format: "DUMP", migrations: [{ id: "x" }] });
    expect(lines(folder)).toMatchObject({ 7: "SET statement_timeout = 0;", 9: "\\restrict';" });
    expect(folder.migrations[0]?.text).not.toContain("abc");
  });

  test("is known by the name that Rails gives it", async () => {
    expect(await read({ "structure.sql": table("a") })).toMatchObject({ format: "DUMP" });
  });

  test("is refused when it changes to another database, or is said to be one of many", async () => {
    const connect = read({ "x.sql": `${HEADER}\\connect other\n` });
    expect(await refusalOf(connect)).toMatchObject({ line: 8 });
    const two = read({ "1_a.sql": "", "2_b.sql": "" }, { format: "DUMP" });
    expect(await refusalOf(two)).toMatchObject({ files: ["1_a.sql", "2_b.sql"] });
  });
});
