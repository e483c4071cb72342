import { describe, expect, test } from "vitest";
import { ids, lines, read, refusalOf, table } from "./_folder.ts";

describe("Flyway", () => {
  test("is in the order of its versions, number by number, with what repeats at the end", async () => {
    const folder = await read({
      "V1.10__c.sql": "",
      "V1_9__b.sql": "",
      "deep/V1__a.sql": "",
      "V2024.01.02.3__d.sql": "",
      "R__views.sql": "",
      "R__functions.sql": "",
    });
    expect(folder.format).toBe("FLYWAY");
    expect(ids(folder)).toEqual([
      ...["V1__a", "V1_9__b", "V1.10__c", "V2024.01.02.3__d", "R__functions", "R__views"],
    ]);
    expect(folder.migrations.filter(({ repeatable }) => repeatable)).toHaveLength(2);
  });

  test("has a baseline that stands for all versions up to its own", async () => {
    const folder = await read({
      "V1__a.sql": "",
      "V5__b.sql": "",
      "B5__all.sql": "",
      "V6__c.sql": "",
    });
    expect(ids(folder)).toEqual(["V1__a", "V5__b", "B5__all", "V6__c"]);
    expect(folder.migrations.map(({ replaces }) => replaces)).toEqual([
      [],
      [],
      ["V1__a", "V5__b"],
      [],
    ]);
  });

  test("leaves out undo scripts, callbacks and settings, and obeys these", async () => {
    const folder = await read({
      "V1__a.sql": "",
      "V2__b.sql": "",
      "V2__b.sql.conf": "executeInTransaction=false\n",
      "V3__c.sql": "",
      "V3__c.sql.conf": "shouldExecute = false",
      "U1__a.sql": "",
      "beforeMigrate.sql": "",
      "afterEachMigrate__log.sql": "",
      "README.md": "",
    });
    expect(folder.migrations.map(({ transactional }) => transactional)).toEqual([true, false]);
    expect(Object.fromEntries(folder.leftOut.map(({ file, why }) => [file, why]))).toEqual({
      "V2__b.sql.conf": "its settings",
      "V3__c.sql": "shouldExecute=false",
      "V3__c.sql.conf": "its settings",
      "U1__a.sql": "undo script",
      "beforeMigrate.sql": expect.stringContaining("callback"),
      "afterEachMigrate__log.sql": expect.stringContaining("callback"),
      "README.md": "not SQL",
    });
  });

  test("has its placeholders filled in, and is refused where one has no value", async () => {
    const files = { "V1__a.sql": `select 1;\nset x to '\${who}', '\${flyway:defaultSchema}';` };
    const folder = await read(files, { placeholders: { who: "me" }, schema: "app" });
    expect(lines(folder)).toMatchObject({ 2: "set x to 'me', 'app';" });
    const { message, line } = await refusalOf(read(files));
    expect(message).toContain(`V1__a.sql line 2: no value for \${who}`);
    expect(line).toBe(2);
  });

  test("is refused with two files of one version, migrations in Java, or a name it does not know", async () => {
    const twins = read({ "V1__a.sql": "", "x/V1.0__b.sql": "" });
    expect(await refusalOf(twins)).toMatchObject({ files: ["x/V1.0__b.sql", "V1__a.sql"] });
    const java = read({ "V1__a.sql": "", "V2__b.java": "" });
    expect(await refusalOf(java)).toMatchObject({ files: ["V2__b.java"] });
    const named = read({ "V1__a.sql": "", "v2__b.sql": "", "V3_c.sql": "", "V4__d.SQL": "" });
    const { files, message } = await refusalOf(named);
    expect(files).toEqual(["V3_c.sql", "V4__d.SQL", "v2__b.sql"]);
    expect(message).toContain("would not be applied by Flyway");
  });
});

describe("a folder with a file for each way", () => {
  test("has those upwards applied, by number", async () => {
    const folder = await read({
      "10_c.up.sql": "",
      "10_c.down.sql": "",
      "9_b.up.sql": "-- no-transaction\ncreate index concurrently i on a (id);",
      "9_b.down.sql": "",
      "18446744073709551615_d.up.sql": "",
      "1_a.sql": "",
    });
    expect(folder.format).toBe("GOLANG_MIGRATE");
    expect(ids(folder)).toEqual(["1_a", "9_b", "10_c", "18446744073709551615_d"]);
    expect(folder.migrations.map(({ transactional }) => transactional)).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(folder.leftOut).toContainEqual({ file: "9_b.down.sql", why: "down script" });
  });

  test("takes what is for PostgreSQL where a file has variants, and bun's and pop's names", async () => {
    const folder = await read({
      "1_a.up.sql": table("any"),
      "1_a.down.sql": "",
      "1_a.postgres.up.sql": table("ours"),
      "1_a.mysql.up.sql": "",
      "2_b.sqlite3.up.sql": "",
      "3_c.tx.up.sql": "",
      "4_d.autocommit.up.sql": "",
    });
    expect(ids(folder)).toEqual(["1_a", "3_c", "4_d"]);
    expect(folder.migrations.map(({ transactional }) => transactional)).toEqual([
      true,
      true,
      false,
    ]);
    expect(folder.migrations[0]?.file).toBe("1_a.postgres.up.sql");
    expect(folder.leftOut).toContainEqual({
      file: "2_b.sqlite3.up.sql",
      why: "for another database: sqlite3",
    });
  });

  test("goes down into folders of versions, segment by segment", async () => {
    const folder = await read({ "10/01_c.up.sql": "", "2/02_b.up.sql": "", "2/01_a.up.sql": "" });
    expect(ids(folder)).toEqual(["2/01_a", "2/02_b", "10/01_c"]);
  });

  test("leaves out a way back alone, which its tool never runs forward", async () => {
    const { migrations, leftOut } = await read({ "1_a.up.sql": "", "2_b.down.sql": "" });
    expect(migrations.map(({ id }) => id)).toEqual(["1_a"]);
    expect(leftOut).toEqual([
      { file: "2_b.down.sql", why: expect.stringContaining("nothing to apply") },
    ]);
  });

  test("is refused with one number twice, or migrations in fizz", async () => {
    const twins = read({ "1_a.up.sql": "", "01_b.up.sql": "" });
    expect(await refusalOf(twins)).toMatchObject({ files: ["01_b.up.sql", "1_a.up.sql"] });
    const fizz = read({ "1_a.up.sql": "", "2_b.up.fizz": "", "2_b.down.fizz": "" });
    expect(await refusalOf(fizz)).toMatchObject({ files: ["2_b.up.fizz"] });
  });
});

describe("Sqitch", () => {
  const PLAN = `%syntax-version=1.0.0
%project=x

users 2026-01-01T00:00:00Z me <me@x.example> # the first: @x
zebra [users] 2026-01-02T00:00:00Z me <me@x.example>
@v1 2026-01-03T00:00:00Z me <me@x.example> # tagged
users [users@v1] 2026-01-04T00:00:00Z me <me@x.example>
apple 2026-01-05T00:00:00Z me <me@x.example>
`;
  const PROJECT = {
    "sqitch.plan": PLAN,
    "sqitch.conf": "[core]\n\tengine = pg\n",
    "deploy/users@v1.sql": table("old"),
    "deploy/users.sql": table("reworked"),
    "deploy/zebra.sql": "",
    "deploy/apple.sql": "",
    "revert/users.sql": "",
    "verify/users.sql": "",
    "src/0001_other.sql": "",
    "knexfile/20240101_x.ts": "",
  };

  test("is in the order of its plan, with what was reworked first as it was", async () => {
    const folder = await read(PROJECT);
    expect(folder.format).toBe("SQITCH");
    expect(folder.migrations.map(({ id, file }) => [id, file])).toEqual([
      ["users", "deploy/users@v1.sql"],
      ["zebra", "deploy/zebra.sql"],
      ["users#2", "deploy/users.sql"],
      ["apple", "deploy/apple.sql"],
    ]);
    expect(folder.leftOut).toEqual(
      expect.arrayContaining([
        { file: "revert/users.sql", why: "revert script" },
        { file: "verify/users.sql", why: "verify script" },
        { file: ".", why: expect.stringContaining("outside") },
      ]),
    );
  });

  test("lies where its settings say", async () => {
    const folder = await read({
      "sqitch.conf": "[core]\n  engine = pg\n  top_dir = db/sql # here\n",
      "db/sql/sqitch.plan": "a 2026-01-01T00:00:00Z me <me@x.example>\n",
      "db/sql/deploy/a.sql": "",
    });
    expect(ids(folder)).toEqual(["a"]);
  });

  test("is refused with a script that is missing or not planned, or for another database", async () => {
    const { "deploy/apple.sql": _, ...missing } = PROJECT;
    expect(await refusalOf(read(missing))).toMatchObject({ files: ["deploy/apple.sql"] });
    const unplanned = read({ ...PROJECT, "deploy/late.sql": "" });
    expect(await refusalOf(unplanned)).toMatchObject({ files: ["deploy/late.sql"] });
    const mysql = read({ ...PROJECT, "sqitch.conf": "[core]\nengine = mysql\n" });
    expect((await refusalOf(mysql)).message).toContain("mysql");
  });
});
