import { describe, expect, test } from "vitest";
import { ids, lines, read, refusalOf, table } from "./_folder.ts";

describe("goose", () => {
  const UP_AND_DOWN = [
    "-- +goose Up",
    "create table a (id int);",
    "-- +goose StatementBegin",
    "create function f() returns int language sql as $$ select 1; $$;",
    "-- +goose StatementEnd",
    "-- +goose Down",
    "drop table a;",
  ].join("\n");

  test("has its up part applied, each line at its number", async () => {
    const folder = await read({
      "00002_b.sql": UP_AND_DOWN,
      "00001_a.sql": "--  +goose UP\nselect 1;",
    });
    expect(folder.format).toBe("GOOSE");
    expect(ids(folder)).toEqual(["00001_a", "00002_b"]);
    expect(lines(folder, 0)).toEqual({ 2: "select 1;" });
    expect(lines(folder, 1)).toEqual({
      2: "create table a (id int);",
      4: "create function f() returns int language sql as $$ select 1; $$;",
    });
    expect(folder.migrations[1]?.text.split("\n")).toHaveLength(7);
  });

  test("says which file runs outside a transaction", async () => {
    const folder = await read({
      "1_a.sql": "-- +goose NO TRANSACTION\n-- +goose Up\nselect 1;\n",
      "2_b.sql": "-- +goose Up\nselect 1;\n",
    });
    expect(folder.migrations.map(({ transactional }) => transactional)).toEqual([false, true]);
  });

  test("fills in variables where it is told to, and nowhere else", async () => {
    const sql = [
      "-- +goose Up",
      `select '\${who}';`,
      "-- +goose ENVSUB ON",
      `select '$who', '\${who}', '\${other:-you}', '\\$who';`,
      "-- +goose ENVSUB OFF",
      "select '$who';",
    ].join("\n");
    const placeholders = { who: "me" };
    expect(lines(await read({ "1_a.sql": sql }, { placeholders }))).toMatchObject({
      4: "select 'me', 'me', 'you', '$who';",
      6: "select '$who';",
    });
    const { message, line } = await refusalOf(read({ "1_a.sql": sql }));
    expect(message).toContain("TENANT_MIGRATIONS_PLACEHOLDERS");
    expect(line).toBe(4);
  });

  test("is refused with a file without an up part, or with an annotation that goose refuses", async () => {
    const bare = read({ "1_a.sql": UP_AND_DOWN, "2_b.sql": table("b") });
    expect(await refusalOf(bare)).toMatchObject({ files: ["2_b.sql"] });
    const wrong = read({ "1_a.sql": `${UP_AND_DOWN}\n-- +goose Sideways` });
    expect(await refusalOf(wrong)).toMatchObject({ line: 8 });
    const twice = read({ "1_a.sql": `${UP_AND_DOWN}\n-- +goose Up` });
    expect(await refusalOf(twice)).toMatchObject({ line: 8 });
    const twins = read({ "1_a.sql": UP_AND_DOWN, "01_b.sql": UP_AND_DOWN });
    expect(await refusalOf(twins)).toMatchObject({ files: ["01_b.sql", "1_a.sql"] });
  });

  test("is refused with migrations in Go beside, and not with what embeds them", async () => {
    const go = read({ "1_a.sql": UP_AND_DOWN, "2_b.go": "", "embed.go": "", "3_c_test.go": "" });
    const { files, message } = await refusalOf(go);
    expect(files).toEqual(["2_b.go"]);
    expect(message).toContain("rewrite them as .sql");
  });
});

describe("dbmate", () => {
  const FILE =
    "-- a note\n-- migrate:up transaction:false\nselect 1;\n\n-- migrate:down\nselect 2;\n";

  test("has its up part applied, as it is marked", async () => {
    const folder = await read({
      "2_b.sql": "-- migrate:up\nselect 3;\n-- migrate:down\n",
      "1_a.sql": FILE,
    });
    expect(folder).toMatchObject({ format: "DBMATE" });
    expect(ids(folder)).toEqual(["1_a", "2_b"]);
    expect(lines(folder)).toEqual({ 3: "select 1;" });
    expect(folder.migrations.map(({ transactional }) => transactional)).toEqual([false, true]);
  });

  test("is refused with statements before the up part, or without one", async () => {
    expect(await refusalOf(read({ "1_a.sql": `select 0;\n${FILE}` }))).toMatchObject({ line: 1 });
    const bare = read({ "1_a.sql": FILE, "2_b.sql": "select 2;" });
    expect((await refusalOf(bare)).message).toContain("has no `-- migrate:up`");
  });
});

test("sql-migrate has its up parts applied, by number and then by name", async () => {
  const folder = await read({
    "10_c.sql": "-- +migrate Up\nselect 3;\n",
    "2_b.sql":
      "-- +migrate Up\nselect 2;\n-- +migrate Down\nselect 0;\n-- +migrate Up\nselect 4;\n",
    "2_a.sql":
      "-- +migrate Up notransaction\n-- +migrate StatementBegin\nselect 1;\n-- +migrate StatementEnd\n",
  });
  expect(folder.format).toBe("SQL_MIGRATE");
  expect(ids(folder)).toEqual(["2_a", "2_b", "10_c"]);
  expect(lines(folder, 0)).toEqual({ 3: "select 1;" });
  expect(lines(folder, 1)).toEqual({ 2: "select 2;", 6: "select 4;" });
  expect(folder.migrations.map(({ transactional }) => transactional)).toEqual([false, true, true]);
});

describe("Liquibase", () => {
  const HEADER = "--liquibase formatted sql\n";

  test("has its changesets for PostgreSQL applied; rollback lines are comments", async () => {
    const text = [
      "--changeset me:1 dbms:postgresql",
      `select \${one};`,
      "--rollback select 0;",
      "--changeset me:2 dbms:oracle,h2",
      "select 2;",
      '--changeset me:3 dbms:"!oracle, !h2" runInTransaction:false',
      "select 3;",
    ].join("\n");
    const folder = await read({ "any.sql": `${HEADER}--property name:one value:1\n${text}` });
    expect(folder).toMatchObject({ format: "LIQUIBASE", migrations: [{ transactional: false }] });
    expect(Object.values(lines(folder)).filter((line) => !line.startsWith("--"))).toEqual([
      ...["select 1;", "select 3;"],
    ]);
  });

  test("is in the order of its numbers without a changelog, and refused without both", async () => {
    const numbered = await read({ "10_b.sql": HEADER, "2_a.sql": HEADER });
    expect(ids(numbered)).toEqual(["2_a", "10_b"]);
    const bare = read({ "b.sql": HEADER, "a.sql": HEADER });
    expect((await refusalOf(bare)).message).toContain("changelog");
  });

  const SCRIPTS = {
    "sql/b.sql": HEADER,
    "sql/a.sql": table("a"),
    "all/1.sql": "",
    "all/2.sql": "",
  };
  const XML = `<?xml version="1.0"?><databaseChangeLog xmlns="x">
    <!-- <include file="sql/gone.sql"/> --><include file="db/sql/b.sql"/>
    <changeSet id="1" author="me" runInTransaction="false"><sqlFile path="sql/a.sql"/>
      <rollback><sqlFile path="sql/undo.sql"/></rollback></changeSet>
    <includeAll path="all/" relativeToChangelogFile="true"/></databaseChangeLog>`;
  const YAML = `databaseChangeLog:
  # - include:
  - include:
      file: sql/b.sql
  - changeSet:
      id: one
      author: me
      changes:
        - sqlFile:
            path: sql/a.sql
  - includeAll: { path: all }
`;
  const JSON_TEXT = `{"databaseChangeLog":[{"include":{"file":"sql/b.sql"}},
    {"include": {"file": "sql/a.sql"}}, {"includeAll": {"path": "all/"}}]}`;

  test.each([
    ["master.xml", { "master.xml": XML, "sql/undo.sql": "" }, "db"],
    ["master.yaml", { "master.yaml": YAML }, ""],
    ["changelog.json", { "changelog.json": JSON_TEXT }, ""],
  ])("follows the includes of %s", async (name, changelog, _root) => {
    const folder = await read({ ...SCRIPTS, ...changelog });
    expect(ids(folder)).toEqual(["sql/b", "sql/a", "all/1", "all/2"]);
    expect(folder.migrations.map(({ transactional }) => transactional)).toEqual([
      ...[true, name !== "master.xml", true, true],
    ]);
    expect(folder.leftOut).toContainEqual({ file: name, why: "Liquibase's changelog" });
  });

  test("is refused with changes in its changelog, with what it does not list, or cannot find", async () => {
    const changes = read({
      "a.xml": "<databaseChangeLog><changeSet><createTable/></changeSet></databaseChangeLog>",
    });
    expect((await refusalOf(changes)).message).toContain("holds `createTable`");
    const unlisted = read({ ...SCRIPTS, "a.yaml": YAML, "late.sql": "" });
    expect(await refusalOf(unlisted)).toMatchObject({ files: ["late.sql"] });
    const gone = read({ "a.yaml": YAML, "sql/b.sql": "" });
    expect((await refusalOf(gone)).message).toContain("includes sql/a.sql, which is not there");
    const conditional = `${HEADER}--changeset me:1\n--preconditions onFail:MARK_RAN\nselect 1;`;
    expect(await refusalOf(read({ "a.sql": conditional }))).toMatchObject({ line: 3 });
  });
});

test("a folder with the files of two tools is refused, naming one of each", async () => {
  const two = read({
    "0001_goose.sql": "-- +goose Up\nselect 1;\n-- +goose Down\nselect 2;\n",
    "0002_dbmate.sql": "-- migrate:up\nselect 1;\n-- migrate:down\nselect 2;\n",
    "0003_plain.sql": "select 3;",
  });
  const { message, files } = await refusalOf(two);
  expect(files).toEqual(["0001_goose.sql", "0002_dbmate.sql"]);
  expect(message).toContain("TENANT_MIGRATIONS_FORMAT");
});

describe("node-pg-migrate", () => {
  test("has its up part applied, or all above the way back", async () => {
    const folder = await read({
      "1700000000001_a.sql": "-- Up Migration\nselect 1;\n-- Down Migration\nselect 2;\n",
      "1700000000002_b.sql": "select 3;\n\n--- down migration\nselect 4;\n",
    });
    expect(folder.format).toBe("NODE_PG_MIGRATE");
    expect(ids(folder)).toEqual(["1700000000001_a", "1700000000002_b"]);
    expect([0, 1].map((at) => lines(folder, at))).toEqual([{ 2: "select 1;" }, { 1: "select 3;" }]);
  });
});
