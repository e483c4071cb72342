import { describe, expect, test } from "vitest";
import { ids, read, refusalOf, table } from "./_folder.ts";

describe("Prisma", () => {
  const LOCK = { "migration_lock.toml": 'provider = "postgresql"\n' };

  test("is in the order of its folders' names as text, two of one second as well", async () => {
    const folder = await read({
      ...LOCK,
      "20240101000000_b/migration.sql": "",
      "20240101000000_a/migration.sql": "",
      "20240102000000_/migration.sql": "",
      "202401030000_short/migration.sql": "",
      "0_init/migration.sql": table("a"),
    });
    expect(folder.format).toBe("PRISMA");
    expect(ids(folder)).toEqual([
      ...[
        "0_init",
        "20240101000000_a",
        "20240101000000_b",
        "20240102000000_",
        "202401030000_short",
      ],
    ]);
  });

  test("is known without its lock, and may have scripts for the way back", async () => {
    const folder = await read({
      "20240101000000_a/migration.sql": "",
      "20240101000000_a/down.sql": "",
      "20240101000000_a/data-migration.ts": "",
    });
    expect(folder).toMatchObject({
      format: "PRISMA",
      leftOut: [{ why: "down script" }, { file: "20240101000000_a/data-migration.ts" }],
    });
  });

  test("is refused with a folder without a migration, a stray file, or another database", async () => {
    const init = { ...LOCK, "20260101000000_init/migration.sql": "" };
    const empty = read({ ...init, "20260102000000_empty/": "" });
    expect(await refusalOf(empty)).toMatchObject({ files: ["20260102000000_empty"] });
    const stray = read({ ...init, "20260102000000_b.sql": "" });
    expect(await refusalOf(stray)).toMatchObject({ files: ["20260102000000_b.sql"] });
    const mysql = read({ ...init, "migration_lock.toml": 'provider = "mysql"' });
    expect((await refusalOf(mysql)).message).toContain("mysql");
  });
});

describe("Drizzle", () => {
  const journal = (...tags: string[]) => ({
    "meta/_journal.json": JSON.stringify({
      dialect: "postgresql",
      entries: tags.map((tag, idx) => ({ idx, when: 1, tag, breakpoints: true })),
    }),
    "meta/0000_snapshot.json": "{}",
  });

  test("is in the order of its journal, and only what that lists", async () => {
    const folder = await read({
      ...journal("0001_b", "0000_a"),
      "0000_a.sql": "",
      "0001_b.sql": "select 1;--> statement-breakpoint\nselect 2;",
      "0002_never.sql": "",
      "production_sync.sql": "",
    });
    expect(folder.format).toBe("DRIZZLE");
    expect(ids(folder)).toEqual(["0001_b", "0000_a"]);
    const why = "not in meta/_journal.json";
    expect(folder.leftOut).toContainEqual({ file: "0002_never.sql", why });
    expect(folder.leftOut).toContainEqual({ file: "production_sync.sql", why });
  });

  test("has a folder for each in its newer layout, and is not taken for Prisma then", async () => {
    const folder = await read({
      "20260102000000_b/migration.sql": "",
      "20260102000000_b/snapshot.json": "{}",
      "20260101000000_a/migration.sql": "",
      "20260101000000_a/snapshot.json": "{}",
    });
    expect(folder.format).toBe("DRIZZLE");
    expect(ids(folder)).toEqual(["20260101000000_a", "20260102000000_b"]);
  });

  test("is refused when a file is missing or the journal cannot be read", async () => {
    const missing = read({ ...journal("0000_a", "0001_b"), "0000_a.sql": "" });
    expect(await refusalOf(missing)).toMatchObject({ files: ["0001_b.sql"] });
    const broken = read({ "meta/_journal.json": "{", "0000_a.sql": "" });
    expect(await refusalOf(broken)).toMatchObject({ files: ["meta/_journal.json"] });
    const mysql = read({
      "meta/_journal.json": '{"dialect":"mysql","entries":[]}',
      "0000_a.sql": "",
    });
    expect((await refusalOf(mysql)).message).toContain("mysql");
  });
});

describe("Diesel", () => {
  test("is in the order of its versions without their hyphens", async () => {
    const folder = await read({
      "2026-01-06-000000_f/up.sql": "",
      "2026-01-06-000000_f/down.sql": "",
      "2026-01-06-000000_f/metadata.toml": "run_in_transaction = false\n",
      "20251231000000_e/up.sql": "",
      "00000000000000_diesel_initial_setup/up.sql": "",
    });
    expect(folder.format).toBe("DIESEL");
    expect(ids(folder)).toEqual([
      ...["00000000000000_diesel_initial_setup", "20251231000000_e", "2026-01-06-000000_f"],
    ]);
    expect(folder.migrations.map(({ transactional }) => transactional)).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("is refused with a folder without up.sql or a file beside", async () => {
    const up = { "2026-01-06-000000_f/up.sql": "" };
    const without = read({ ...up, "2026-01-07-000000_g/down.sql": "" });
    expect(await refusalOf(without)).toMatchObject({ files: ["2026-01-07-000000_g"] });
    const beside = read({ ...up, "0001_a.sql": "", "0004_d.SQL": "" });
    expect(await refusalOf(beside)).toMatchObject({ files: ["0001_a.sql", "0004_d.SQL"] });
  });

  test("is refused where Hasura would have another order, unless it is said to be one of them", async () => {
    const files = { "10_b/up.sql": "", "9_a/up.sql": "" };
    expect((await refusalOf(read(files))).message).toContain("diesel or hasura");
    expect(ids(await read(files, { format: "DIESEL" }))).toEqual(["10_b", "9_a"]);
    expect(ids(await read(files, { format: "HASURA" }))).toEqual(["9_a", "10_b"]);
  });
});

test("Hasura is in the order of its numbers, where a way back alone does nothing", async () => {
  const folder = await read({
    "1640679052192_b/up.sql": "",
    "1640679052192_b/down.sql": "",
    "1639359763109_a/up.sql": "",
    "1639359763110_squashed/down.sql": "",
    "1639359763111_meta/up.yaml": "",
    "1639359763111_meta/up.sql": "",
  });
  expect(folder.format).toBe("HASURA");
  expect(ids(folder)).toEqual(["1639359763109_a", "1639359763111_meta", "1640679052192_b"]);
  const why = "down script";
  expect(folder.leftOut).toContainEqual({ file: "1639359763110_squashed/down.sql", why });
});
