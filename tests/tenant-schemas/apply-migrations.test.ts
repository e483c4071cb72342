import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, test } from "vitest";
import { isTransient } from "../../src/database/faults.ts";
import { settingsFor } from "../../src/migration-folders/migration-source.ts";
import {
  type ApplyMigrations,
  applyMigrations,
} from "../../src/tenant-schemas/apply-migrations.ts";
import { readLedger } from "../../src/tenant-schemas/ledger.ts";
import { openMigrationFolder } from "../../src/tenant-schemas/migration-folder.ts";
import { perFile } from "../kit/lifetime.ts";
import { openTenantDatabase, type Tenant } from "../kit/tenant-schemas.ts";

const world = perFile(openTenantDatabase);

const FILES = {
  "0001_organization.sql": `create extension if not exists citext;
create type kind as enum ('a', 'b');
create table organization (id int generated always as identity primary key, name citext not null unique);`,
  "0002_sample.sql": `-- Samples; with a semicolon
create table sample (id int primary key, organization_id int not null references organization, note text);
create function touch() returns trigger language plpgsql as $$ begin new.note := 'touched; '' \\ é'; return new; end $$;
create trigger touch before insert on sample for each row execute function touch();
insert into organization (name) values ('first');
insert into sample values (1, 1);`,
};

type Options = Partial<Omit<ApplyMigrations, "names" | "folder">>;

async function apply(tenant: Tenant, files: Record<string, string>, options: Options = {}) {
  const folder = await openMigrationFolder(settingsFor(await world.folder(files)));
  return await applyMigrations(world.client, {
    mode: "one-transaction",
    names: tenant.names,
    folder,
    ...options,
  });
}

async function created(): Promise<Tenant> {
  const tenant = world.tenant();
  await world.create(tenant);
  return tenant;
}

const tablesOf = async ({ names }: Tenant): Promise<string[]> => {
  const sql = "select tablename as name from pg_tables where schemaname = $1 order by 1";
  return (await world.client.query(sql, [names.schema])).rows.map(({ name }) => name);
};

describe.each(["one-transaction", "transaction-per-file"] as const)("migrations, %s", (mode) => {
  test("are applied as the owner, told of in order and kept in the ledger", async () => {
    const tenant = await created();
    const heard: unknown[] = [];
    const answer = await apply(tenant, FILES, {
      mode,
      onFileApplied: (file, index, total) => void heard.push([file.id, index, total]),
    });
    expect(answer).toEqual({
      applied: ["0001_organization", "0002_sample"],
      version: "0002_sample",
    });
    expect(heard).toEqual([
      ["0001_organization", 0, 2],
      ["0002_sample", 1, 2],
    ]);
    const ledger = await readLedger(world.client, tenant.names.schema);
    expect(ledger.map(({ id }) => id)).toEqual(["0001_organization", "0002_sample"]);
    expect(ledger.every(({ durationMs }) => durationMs >= 0 && durationMs < 60_000)).toBe(true);
    const owners = "select distinct tableowner as owner from pg_tables where schemaname = $1";
    expect((await world.client.query(owners, [tenant.names.schema])).rows).toEqual([
      { owner: tenant.names.ownerRole },
    ]);
    const leftover = "select proname from pg_proc where pronamespace = $1::regnamespace";
    expect((await world.client.query(leftover, [tenant.names.schema])).rows).toEqual([
      { proname: "touch" },
    ]);
  });

  test("are not applied again", async () => {
    const tenant = await created();
    await apply(tenant, FILES, { mode });
    expect(await apply(tenant, FILES, { mode })).toEqual({ applied: [], version: "0002_sample" });
    const more = { ...FILES, "0003_more.sql": "create table more ()" };
    expect((await apply(tenant, more, { mode })).applied).toEqual(["0003_more"]);
  });

  const FAILURES: readonly (readonly [string, string, number, string])[] = [
    [
      "with a position",
      "create table a (x int);\n\n\ncreate table b (\n  y int,\n  z nosuchtype)",
      6,
      "42704",
    ],
    ["without a position", "create table a (x int);\n-- why\ncreate table a (x int)", 3, "42P07"],
    ["after characters of many bytes", "select 'ééé 🙂';\nselect '🙂',\n  nosuch", 3, "42703"],
    ["in a DO block", "select 1;\ndo $$\nbegin\n  perform nosuch();\nend $$", 4, "42883"],
    [
      "in a function body",
      "select 1;\ncreate function f() returns int language plpgsql as $$\nbegin\n  retrun 1;\nend $$",
      4,
      "42601",
    ],
    [
      "in a trigger's constraint, at the end",
      "create table a (x int);\ninsert into a values (1);\nalter table a add check (x > 1)",
      3,
      "23514",
    ],
  ];
  test.each(FAILURES)(
    "name file, line and SQLSTATE of a failure %s",
    async (_, sql, line, sqlState) => {
      const tenant = await created();
      await expect(
        apply(tenant, { ...FILES, "0003_bad.sql": sql, "0004_c.sql": "select 1" }, { mode }),
      ).rejects.toMatchObject({
        code: "E_MIGRATIONS_FAILED",
        message: expect.stringMatching(`^0003_bad.sql line ${line}: .* \\(${sqlState}\\)$`),
        migration: { file: "0003_bad.sql", line, sqlState },
      });
      const applied = (await readLedger(world.client, tenant.names.schema)).map(({ id }) => id);
      expect(applied).toEqual(
        mode === "one-transaction" ? [] : ["0001_organization", "0002_sample"],
      );
      expect(
        (await apply(tenant, { ...FILES, "0003_bad.sql": "select 1" }, { mode })).version,
      ).toBe("0003_bad");
    },
  );

  test("leave nothing behind when the connection dies, and succeed afterwards", async () => {
    const tenant = await created();
    const files = { ...FILES, "0003_wait.sql": "select pg_sleep(60)" };
    const victim = await world.connect();
    const { rows } = await victim.query("select pg_backend_pid() as pid");
    const folder = await openMigrationFolder(settingsFor(await world.folder(files)));
    const dying = applyMigrations(victim, {
      mode,
      names: tenant.names,
      folder,
      onFileApplied: async (_, index) => {
        if (index === 1) await world.client.query("select pg_terminate_backend($1)", [rows[0].pid]);
      },
    });
    expect(isTransient(await dying.catch((error: unknown) => error))).toBe(true);
    expect(await tablesOf(tenant)).toHaveLength(mode === "one-transaction" ? 0 : 3);
    expect((await apply(tenant, FILES, { mode })).version).toBe("0002_sample");
  });
});

describe("migrations", () => {
  test("tell of a file while the same round trip is still running", async () => {
    const tenant = await created();
    const watcher = await world.connect();
    const pid = (await world.client.query("select pg_backend_pid() as pid")).rows[0].pid;
    let running: unknown;
    const files = { "0001_a.sql": "select 1", "0002_b.sql": "select pg_sleep(0.5)" };
    await apply(tenant, files, {
      onFileApplied: async ({ id }) => {
        if (id !== "0001_a") return;
        const sql = "select state from pg_stat_activity where pid = $1";
        running = (await watcher.query(sql, [pid])).rows[0].state;
      },
    });
    expect(running).toBe("active");
  });

  test("tell of a file in the context of their caller, whoever opened the connection", async () => {
    const context = new AsyncLocalStorage<string>();
    const tenant = await created();
    const heard: unknown[] = [];
    const onFileApplied = () => void heard.push(context.getStore());
    await context.run("the caller's", () => apply(tenant, FILES, { onFileApplied }));
    expect(heard).toEqual(["the caller's", "the caller's"]);
  });

  test("of two callers at once are applied once", async () => {
    const tenant = await created();
    const folder = await openMigrationFolder(settingsFor(await world.folder(FILES)));
    const answers = await Promise.all(
      [1, 2, 3].map(async () =>
        applyMigrations(await world.connect(), {
          names: tenant.names,
          folder,
          mode: "one-transaction",
        }),
      ),
    );
    expect(answers.map(({ applied }) => applied.length).sort()).toEqual([0, 0, 2]);
  });

  test("of two tenants share one extension in ext", async () => {
    for (const tenant of [await created(), await created()]) await apply(tenant, FILES);
    const { rows } = await world.client.query(
      "select extnamespace::regnamespace::text as schema from pg_extension where extname = 'citext'",
    );
    expect(rows).toEqual([{ schema: "ext" }]);
  });

  test.each([
    ["dblink", "is not a trusted one"],
    ["nosuch", "is not available"],
  ])("may not ask for the extension %s", async (name, why) => {
    const tenant = await created();
    await expect(apply(tenant, { "0001_e.sql": `create extension ${name}` })).rejects.toMatchObject(
      {
        code: "E_MIGRATION_UNSAFE",
        message: expect.stringMatching(`^0001_e.sql line 1: the extension "${name}" ${why}`),
      },
    );
  });

  test.each([
    [
      "a changed file",
      { ...FILES, "0001_organization.sql": "select 1" },
      "0001_organization.sql was changed",
    ],
    [
      "a missing file",
      { "0002_sample.sql": FILES["0002_sample.sql"] },
      "0001_organization was applied and is missing",
    ],
    [
      "a late file",
      { ...FILES, "0001_a.sql": "", "0000_early.sql": "select 1" },
      "same number|0000_early.sql is new but comes before 0002_sample",
    ],
  ])("refuse %s", async (what, files, message) => {
    const tenant = await created();
    await apply(tenant, FILES);
    const changed = what === "a late file" ? { ...FILES, "0000_early.sql": "select 1" } : files;
    await expect(apply(tenant, changed)).rejects.toMatchObject({
      code: "E_MIGRATION_DRIFT",
      message: expect.stringMatching(message),
    });
  });

  test("name the file of a lock timeout, for the caller to retry", async () => {
    const tenant = await created();
    await apply(tenant, FILES);
    const blocker = await world.connect();
    await blocker.query(`begin; lock table ${tenant.names.schema}.sample`);
    const files = { ...FILES, "0003_x.sql": "alter table sample add column x int" };
    await expect(apply(tenant, files, { limits: { lockTimeoutMs: 50 } })).rejects.toMatchObject({
      code: "E_MIGRATIONS_FAILED",
      transient: true,
      retryable: true,
      migration: { file: "0003_x.sql", line: 1, sqlState: "55P03" },
    });
    await blocker.query("rollback");
    expect((await apply(tenant, files)).applied).toEqual(["0003_x"]);
  });

  test("check deferred constraints, and name the file", async () => {
    const tenant = await created();
    const sql =
      "create table a (id int primary key, b int references a deferrable initially deferred);\ninsert into a values (1, 2)";
    await expect(apply(tenant, { "0001_a.sql": sql })).rejects.toMatchObject({
      message: expect.stringContaining("0001_a.sql line 1: insert or update on table"),
    });
    const mended = {
      "0001_a.sql": `${sql};\ninsert into a values (2, 1)`,
      "0002_b.sql": "alter table a add column c int",
    };
    expect((await apply(tenant, mended)).applied).toHaveLength(2);
  });

  test("stop at a signal between two round trips", async () => {
    const tenant = await created();
    const stop = new AbortController();
    const applying = apply(tenant, FILES, {
      mode: "transaction-per-file",
      signal: stop.signal,
      onFileApplied: () => stop.abort(new Error("enough")),
    });
    await expect(applying).rejects.toThrow("enough");
    expect((await readLedger(world.client, tenant.names.schema)).map(({ id }) => id)).toEqual([
      "0001_organization",
    ]);
  });

  test("hand on what the listener throws", async () => {
    const tenant = await created();
    const applying = apply(tenant, FILES, {
      onFileApplied: () => Promise.reject(new Error("journal")),
    });
    await expect(applying).rejects.toThrow("journal");
  });
});

describe("CONCURRENTLY", () => {
  const INDEX = {
    ...FILES,
    "0003_index.sql":
      "create index concurrently sample_note on sample (note);\ncreate unique index concurrently sample_one on sample ((1))",
  };

  test("runs outside a transaction and is kept in the ledger", async () => {
    const tenant = await created();
    const heard: string[] = [];
    await apply(tenant, INDEX, { onFileApplied: ({ id }) => void heard.push(id) });
    expect(heard).toEqual(["0001_organization", "0002_sample", "0003_index"]);
    expect(await apply(tenant, INDEX)).toEqual({ applied: [], version: "0003_index" });
    expect((await world.client.query("select current_user as u")).rows).toEqual([
      { u: world.user },
    ]);
  });

  test("leaves no invalid index where it fails, and builds what is missing the next time", async () => {
    const tenant = await created();
    const two = {
      ...INDEX,
      "0002_sample.sql": `${FILES["0002_sample.sql"]}\ninsert into sample values (2, 1);`,
    };
    const { "0003_index.sql": _, ...before } = two;
    await apply(tenant, before);
    const inUse = { mode: "transaction-per-file" } as const;
    await expect(apply(tenant, two, inUse)).rejects.toMatchObject({
      code: "E_MIGRATIONS_FAILED",
      message: expect.stringMatching("^0003_index.sql line 2: .* \\(23505\\)$"),
    });
    const states = `select relname, indisvalid from pg_index join pg_class on oid = indexrelid
      where relnamespace = $1::regnamespace and relname like 'sample_%o%' order by 1`;
    const validity = async () =>
      (await world.client.query({ text: states, values: [tenant.names.schema], rowMode: "array" }))
        .rows;
    expect(await validity()).toEqual([["sample_note", true]]);
    await world.client.query(`delete from ${tenant.names.schema}.sample where id = 2`);
    expect((await apply(tenant, two, inUse)).applied).toEqual(["0003_index"]);
    expect(await validity()).toEqual([
      ["sample_note", true],
      ["sample_one", true],
    ]);
  });
});
