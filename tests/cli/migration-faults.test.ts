import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { createServiceToken } from "../../src/iam/tokens/service-tokens.ts";
import { openTestApi } from "../kit/api.ts";
import { freshSlug } from "../kit/database.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";
import { OPERATOR, provision } from "../kit/tenants.ts";
import { type Environment, linesOf, tenantry } from "./_run.ts";

const migrations = perFile(() => openFolder(SMALL.TENANT_MIGRATIONS_DIR));
const seeds = perFile(() => openFolder(SMALL.TENANT_SEEDS_DIR));
const world = perFile(() =>
  openPlatform({
    environment: { TENANT_MIGRATIONS_DIR: migrations.path, TENANT_SEEDS_DIR: seeds.path },
    worker: true,
  }),
);
const api = perFile(() => openTestApi(world));
const administrator = perFile(() => api.as("ADMINISTRATOR"));
const slug = freshSlug("fault");
let remote: Environment;

beforeAll(async () => {
  const { orm, clock } = world.platform;
  const ports = { em: orm.em, clock };
  const { value } = await createServiceToken(ports, OPERATOR, { name: "c", role: "PROVISIONER" });
  remote = { DATA_DIR: world.dataDir, TENANTRY_URL: api.url, TENANTRY_TOKEN: value };
  expect((await provision(world.platform, { slug, seeds: ["core"] })).operation.state).toBe(
    "SUCCEEDED",
  );
});

const OPERATION = `query ($id: ID!) {
  operation(id: $id) {
    error {
      code message retryable nextAction
      migration { file line statement sqlState detail hint constraint }
    }
    phases { name error { migration { file } } }
  }
}`;

/** Runs a command of a case at the machine and over the API; answers what both say of the fault. */
async function faultOf(words: readonly string[]) {
  const said = [];
  for (const environment of [world.environment, remote]) {
    const ran = await tenantry([...words, "--json"], environment);
    expect(ran).toMatchObject({ end: 1, stderr: "" });
    if (!ran.stdout.includes("RESULT")) throw new Error(JSON.stringify(ran));
    const { operation } = linesOf(ran).at(-1) as { operation: { id: string; error: unknown } };
    const { data } = await administrator.send(OPERATION, { id: operation.id });
    const { error, phases } = data.operation;
    expect(operation.error).toMatchObject({
      ...{ code: error.code, message: error.message, retryable: error.retryable },
      migration: error.migration,
    });
    const files = phases.flatMap((phase: { error: { migration: { file: string } } | null }) =>
      phase.error === null ? [] : [phase.error.migration.file],
    );
    expect(files).toEqual([error.migration.file]);
    said.push(error);
  }
  expect(said[0]).toEqual(said[1]);
  return said[0];
}

const MIGRATE = ["tenant", "migrate", "--slug", slug];
const none = { detail: null, hint: null, constraint: null };

describe("a fault of a migration file is told in fields, by the API and the command alike:", () => {
  const key = "insert into unit values ('twice', 'a'), ('twice', 'b');";
  const raised = `do $$ begin raise exception 'refused' using errcode = 'P0001',
    detail = 'connect by postgres://app:hunter2@db/x', hint = 'set password = ''hunter2'''; end $$;`;
  test.each([
    [
      "a key that is double",
      `select 1;\n${key}`,
      {
        ...{ line: 2, sqlState: "23505", statement: key.slice(0, -1), hint: null },
        ...{ constraint: "unit_pkey", detail: "Key (code)=(twice) already exists." },
      },
    ],
    [
      "a table that is not there",
      "select * from nosuch;",
      { ...none, line: 1, sqlState: "42P01", statement: "select * from nosuch" },
    ],
    [
      "a function that needs a cast, with PostgreSQL's hint",
      "select lower(1);",
      {
        ...{ ...none, line: 1, sqlState: "42883", statement: "select lower(1)" },
        hint: expect.stringContaining("explicit type casts"),
      },
    ],
    [
      "a text that is no SQL",
      "create table x (id int);\n\ncreate tabel y;",
      { ...none, line: 3, sqlState: "42601", statement: "create tabel y;" },
    ],
    [
      "a statement that may not run",
      "\nvacuum;",
      { ...none, line: 2, sqlState: null, statement: "vacuum" },
    ],
    [
      "secrets in what PostgreSQL says",
      raised,
      {
        ...{ line: 1, sqlState: "P0001", constraint: null },
        statement: expect.not.stringContaining("hunter2"),
        ...{ detail: "connect by postgres://***@db/x", hint: "set password = ***" },
      },
    ],
  ])("%s", async (_what, sql, migration) => {
    await writeFile(join(migrations.path, "0009_x.sql"), sql);
    const error = await faultOf(MIGRATE);
    expect(error).toMatchObject({
      retryable: false,
      migration: { file: "0009_x.sql", ...migration },
    });
    expect(error.message).toContain("0009_x.sql");
    await rm(join(migrations.path, "0009_x.sql"));
  });

  test("a seed file", async () => {
    const file = join(seeds.path, "extra/0001_extra.sql");
    await writeFile(file, "insert into nosuch values (1) on conflict do nothing;");
    expect(await faultOf(["seed", "extra", "--tenant-slug", slug])).toMatchObject({
      ...{ code: "E_SEEDS_FAILED", retryable: false },
      migration: { file: "extra/0001_extra.sql", line: 1, sqlState: "42P01" },
    });
  });

  test("to people with what PostgreSQL said beside its message", async () => {
    await writeFile(join(migrations.path, "0009_x.sql"), key);
    const { stderr } = await tenantry(MIGRATE, world.environment);
    expect(stderr).toContain(
      `0009_x.sql line 1: duplicate key value violates unique constraint "unit_pkey" (23505)\n  Statement: ${key.slice(0, -1)}\n  Detail: Key (code)=(twice) already exists.\n  Next:`,
    );
  });
});
