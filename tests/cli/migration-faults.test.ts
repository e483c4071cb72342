import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { createServiceToken } from "../../src/iam/tokens/service-tokens.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { act } from "../api/_tenant-operations.ts";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";
import { followToEnd, OPERATOR, provision, provisionRequest } from "../kit/tenants.ts";
import { COMMAND, type Environment, linesOf, start, tenantry } from "./_run.ts";

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

const PROVISION = `mutation ($input: ProvisionTenantInput!) {
  provisionTenant(input: $input) { ... on UserError { code migration { file line } } }
}`;

/** Waits for an operation's end; answers its error, which its phase has too. */
async function errorOf(id: string) {
  await followToEnd(world.platform, id);
  const { data } = await administrator.send(OPERATION, { id });
  const { error, phases } = data.operation;
  const failed = phases.filter((phase: { error: unknown }) => phase.error !== null);
  expect(failed).toMatchObject([{ error: { migration: { file: error.migration.file } } }]);
  return error;
}

/** Starts an operation by a mutation; answers its error. */
async function errorOver(mutation: string, input: Record<string, unknown>) {
  return await errorOf((await act(administrator, mutation, input)).operation.id);
}

/** What a command says of an error in its last line. */
async function toldBy(words: readonly string[], environment: Environment) {
  const ran = await tenantry([...words, "--json"], environment);
  expect(ran).toMatchObject({ end: 1, stderr: "" });
  const { operation } = linesOf(ran).at(-1) as { operation: { id: string; error: unknown } };
  const { nextAction: _, ...error } = await errorOf(operation.id);
  expect(operation.error).toMatchObject(error);
  return operation.error;
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
        line: 2,
        sqlState: "23505",
        statement: key.slice(0, -1),
        hint: null,
        constraint: "unit_pkey",
        detail: "Key (code)=(twice) already exists.",
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
        ...none,
        line: 1,
        sqlState: "42883",
        statement: "select lower(1)",
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
        line: 1,
        sqlState: "P0001",
        constraint: null,
        statement: expect.not.stringContaining("hunter2"),
        detail: "connect by postgres://***@db/x",
        hint: "set password = ***",
      },
    ],
  ])("%s", async (_what, sql, migration) => {
    await writeFile(join(migrations.path, "0009_x.sql"), sql);
    const error = await errorOver("migrateTenant", { slug });
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
    expect(await errorOver("seedTenant", { slug, sets: ["extra"] })).toMatchObject({
      code: "E_SEEDS_FAILED",
      retryable: false,
      migration: { file: "extra/0001_extra.sql", line: 1, sqlState: "42P01" },
    });
  });

  test("a seed file that a request is refused for", async () => {
    const file = join(seeds.path, "extra/0001_extra.sql");
    await writeFile(file, "\ndelete from unit;");
    const place = { code: "E_SEEDS_FAILED", migration: { file: "extra/0001_extra.sql", line: 2 } };
    const { data } = await administrator.send(PROVISION, {
      input: provisionRequest({ slug: freshSlug("fault") }),
    });
    expect(data.provisionTenant).toEqual(place);
    const words = ["tenant", "provision", "--slug", freshSlug("fault"), "--name", "A Lab"];
    const more = ["--admin-email", "ada@fault.test", "--lab", "Main", "--json"];
    const ran = await tenantry([...words, ...more], remote);
    expect(linesOf(ran)).toMatchObject([{ type: "ERROR", error: place }]);
    await rm(file);
  });

  test("by the command as lines of JSON, and to people with what PostgreSQL said", async () => {
    await writeFile(join(migrations.path, "0009_x.sql"), key);
    const told = await toldBy(MIGRATE, remote);
    expect(told).toMatchObject({ migration: { file: "0009_x.sql", constraint: "unit_pkey" } });
    expect(await toldBy(MIGRATE, world.environment)).toEqual(told);
    const { stderr } = await tenantry(MIGRATE, world.environment);
    expect(stderr).toContain(
      `0009_x.sql line 1: duplicate key value violates unique constraint "unit_pkey" (23505)\n  Statement: ${key.slice(0, -1)}\n  Detail: Key (code)=(twice) already exists.\n  Next:`,
    );
  });

  test("and so does whoever waits, while it waits", async () => {
    const { schemaName } = await tenantBySlug(world.platform.orm.em.fork(), slug);
    await writeFile(join(migrations.path, "0009_x.sql"), "alter table sample add column x int;");
    const ran = await asSuperuser(`${world.platform.databaseUrl}_tenants`, async (blocker) => {
      await blocker.query(`begin; lock table ${schemaName}.sample`);
      const running = start([COMMAND, ...MIGRATE], world.environment);
      await running.until("waits for");
      await blocker.query("rollback");
      return await running.ended;
    });
    expect(ran.stdout).toContain(
      `0009_x.sql waits for a lock on ${schemaName}.sample (AccessExclusiveLock): process `,
    );
    expect(ran).toMatchObject({ end: 0, stderr: "" });
  });
});
