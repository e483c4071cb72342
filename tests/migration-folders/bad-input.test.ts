import { execFile } from "node:child_process";
import { chmod, link, mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { settingsFor } from "../../src/migration-folders/migration-source.ts";
import { readFolder } from "../../src/migration-folders/read-folder.ts";
import { decodeSql } from "../../src/migration-folders/text.ts";
import { openFolder } from "../kit/folders.ts";
import { ids, read, refusalOf, table, writeFiles } from "./_folder.ts";

const readAt = (dir: string) => readFolder(settingsFor(dir));

describe("a folder without migrations", () => {
  test("is refused, whether it is missing, empty or a file", async () => {
    await using folder = await openFolder();
    const missing = join(folder.path, "missing");
    expect(await refusalOf(readAt(missing))).toMatchObject({ files: [missing] });
    const { message } = await refusalOf(readAt(folder.path));
    expect(message).toContain(`${folder.path} holds no migrations: no .sql file`);
    expect(message).toContain("TENANT_MIGRATIONS_FORMAT=none");
    await writeFile(missing, "");
    expect((await refusalOf(readAt(missing))).message).toContain("is a file, not a folder");
  });

  test.each([
    ["migrations", { "migrations/20240101000000_a/migration.sql": "", "schema.prisma": "" }],
    ["db/migrate", { "db/migrate/1_a.up.sql": "", "db/migrate/1_a.down.sql": "", "x/y.txt": "" }],
    ["sql", { "sql/0001_a.sql": "-- +goose Up\n", "go.mod": "" }],
    ["a/x and b/y", { "a/x/0001_a.sql": "", "b/y/0001_b.sql": "" }],
  ])("is refused with the folder below that looks right: %s", async (likely, files) => {
    const { message } = await refusalOf(read(files));
    for (const path of likely.split(" and ")) expect(message).toContain(`/${path}`);
  });

  test("is right where it is said to be, and refused if it is not empty then", async () => {
    const none = { format: "NONE" } as const;
    expect(await read({ "README.md": "" }, none)).toMatchObject({
      migrations: [],
      leftOut: [{ file: "README.md", why: "not SQL" }],
    });
    expect(await readFolder({ ...settingsFor("/nowhere"), ...none })).toMatchObject({
      leftOut: [],
    });
    expect(await refusalOf(read({ "x/1.sql": "" }, none))).toMatchObject({ files: ["x/1.sql"] });
  });
});

describe("migrations in code", () => {
  test.each([
    ["20240101_x.ts", "pg_dump"],
    ["Migration20240101000000.js", "MikroORM"],
    ["0001_initial.py", "sqlmigrate"],
    ["versions/ae1027a6acf0_add.py", "alembic upgrade --sql"],
    ["20240101000000_create.rb", "structure.sql"],
    ["m20220101_000001_create.rs", "rewrite"],
    ["Version20240101000000.php", "--write-sql"],
  ])("are refused, with how they become SQL: %s", async (file, how) => {
    for (const beside of [{}, { "0001_a.sql": "" }] as Record<string, string>[]) {
      const { message, files } = await refusalOf(read({ ...beside, [file]: "" }));
      expect(files).toEqual([file]);
      expect(message).toContain(how);
    }
  });

  test("are not what only runs or embeds the SQL", async () => {
    const glue = [
      "embed.go",
      "mod.rs",
      "migrations.go",
      "__init__.py",
      "migrate.ts",
      "1_a_test.go",
    ];
    const folder = await read({
      "0001_a.sql": "",
      ...Object.fromEntries(glue.map((it) => [it, ""])),
    });
    expect(folder.leftOut.map(({ file }) => file).sort()).toEqual([...glue].sort());
  });
});

describe("a text that is none", () => {
  const bytes = (...parts: (string | number[])[]) =>
    Buffer.concat(parts.map((part) => Buffer.from(part as string)));

  test.each([
    ["NUL inside", bytes("select 1;", [0], "select 2;"), 9, ""],
    [
      "UTF-16 with its mark",
      bytes([0xff, 0xfe], Buffer.from("select", "utf16le").toJSON().data),
      0,
      "UTF-16LE",
    ],
    ["UTF-16LE", Buffer.from("select 1;", "utf16le"), 1, "UTF-16LE"],
    ["UTF-16BE", Buffer.from("select 1;", "utf16le").swap16(), 0, "UTF-16BE"],
    ["Latin-1", Buffer.from("-- München\n", "latin1"), 4, "Latin-1"],
    ["half a character", bytes("ü", [0xe2, 0x82]), 2, "Latin-1"],
    ["zeros", Buffer.alloc(100), 0, ""],
  ])(
    "is refused with the place of its first bad byte: %s",
    async (_name, content, offset, guess) => {
      const { message } = await refusalOf(read({ "0001_a.sql": content }));
      expect(message).toContain(`0001_a.sql is not UTF-8 text`);
      expect(message).toContain(`at byte ${offset}`);
      expect(message).toContain(guess);
    },
  );

  test("is refused of seeds with their own code, and no matter in files that are not applied", async () => {
    const bad = Buffer.from([0xfc]);
    expect(() => decodeSql(bad, "a.sql", "E_SEEDS_FAILED")).toThrow(
      expect.objectContaining({ code: "E_SEEDS_FAILED" }),
    );
    const files = { "1_a.up.sql": "", "1_a.down.sql": bad, "README.md": bad };
    expect(ids(await read(files))).toEqual(["1_a"]);
  });
});

describe("links", () => {
  test("are followed, to files and to folders", async () => {
    await using elsewhere = await openFolder();
    await writeFiles(elsewhere.path, { "a.sql": table("a"), "v/0002_b.sql": table("b") });
    await using folder = await openFolder();
    await symlink(join(elsewhere.path, "a.sql"), join(folder.path, "0001_a.sql"));
    await symlink(join(elsewhere.path, "v"), join(folder.path, "0002"));
    await link(join(elsewhere.path, "a.sql"), join(folder.path, "0003_hard.sql"));
    expect(ids(await readAt(folder.path))).toEqual(["0001_a", "0002/0002_b", "0003_hard"]);
  });

  test("are refused when they lead nowhere or around", async () => {
    await using folder = await openFolder();
    await writeFiles(folder.path, { "1/1_a.sql": "", "2/1_b.sql": "" });
    const refusedLink = async (target: string, path: string) => {
      const at = join(folder.path, path);
      await symlink(target, at);
      const { message, files } = await refusalOf(readAt(folder.path));
      expect(files).toEqual([path]);
      await rm(at);
      return message;
    };
    expect(await refusedLink("gone.sql", "3_gone.sql")).toContain("a link to nothing");
    expect(await refusedLink("3_self.sql", "3_self.sql")).toContain("loop of links");
    expect(await refusedLink("..", "1/3")).toContain("a folder that it lies in");
    await symlink("../2", join(folder.path, "1/2"));
    await symlink("../1", join(folder.path, "2/1"));
    const { message } = await refusalOf(readAt(folder.path));
    expect(message).toContain("a folder that it lies in");
  });
});

describe("files that cannot be read", () => {
  test("are refused when this process may not", async () => {
    await using folder = await openFolder();
    await writeFiles(folder.path, { "0001_a.sql": "" });
    await chmod(join(folder.path, "0001_a.sql"), 0o000);
    await chmod(folder.path, 0o755);
    const module = join(import.meta.dirname, "../../src/migration-folders/read-folder.ts");
    const settings = JSON.stringify(settingsFor(folder.path));
    const script = `import(${JSON.stringify(module)}).then(async ({ readFolder }) => {
      if (process.getuid() === 0) process.setuid(65534);
      await readFolder(${settings}).catch((error) => console.log(error.code, error.message));
    });`;
    const { stdout } = await promisify(execFile)(process.execPath, ["-e", script]);
    expect(stdout).toContain("E_MIGRATION_FOLDER 0001_a.sql cannot be read");
  });

  test("are refused above 32 MiB by their size, before they are read", async () => {
    await using folder = await openFolder();
    await writeFiles(folder.path, { "0001_a.sql": "" });
    await truncate(join(folder.path, "0001_a.sql"), 2 ** 40);
    expect(await refusalOf(readAt(folder.path))).toMatchObject({
      files: ["0001_a.sql"],
      message: expect.stringContaining("32"),
    });
  });

  test("are refused when they go or grow under the hand", async () => {
    await using folder = await openFolder();
    const names = Array.from({ length: 200 }, (_, at) => `${String(at).padStart(4, "0")}_a.sql`);
    await writeFiles(folder.path, Object.fromEntries(names.map((name) => [name, table("a")])));
    let busy = true;
    const unrest = (async () => {
      for (let round = 0; busy; round += 1) {
        await rm(join(folder.path, "0100_a.sql"));
        await writeFile(join(folder.path, "0100_a.sql"), table(`a${round}`));
      }
    })();
    for (let round = 0; round < 20; round += 1) {
      // Either as it lay there or refused by name, and never a bare error of the system.
      const outcome = await readAt(folder.path).then(
        ({ migrations }) => migrations.length >= 199,
        (error) => error.code === "E_MIGRATION_FOLDER" && error.detail.files[0] === "0100_a.sql",
      );
      expect(outcome).toBe(true);
    }
    busy = false;
    await unrest;
  });
});

test("5,000 files are read as one folder", async () => {
  await using folder = await openFolder();
  const names = Array.from({ length: 5_000 }, (_, at) => `${at}_a.sql`);
  await Promise.all(names.map((name) => writeFile(join(folder.path, name), table("a"))));
  expect((await readAt(folder.path)).migrations).toHaveLength(5_000);
});

test("a folder that is a whole disk is refused before it is read", async () => {
  await using folder = await openFolder();
  const many = Array.from({ length: 210 }, (_, at) => join(folder.path, `${at}`));
  for (const path of many) {
    await mkdir(path);
    await Promise.all(Array.from({ length: 100 }, (_, at) => writeFile(join(path, `${at}`), "")));
  }
  expect((await refusalOf(readAt(folder.path))).message).toContain("more than 20000 files");
});
