import pg from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import { scramVerifier } from "../../src/database/sql.ts";
import { newId, newSecret } from "../../src/kernel/ids.ts";
import { settingsFor } from "../../src/migration-folders/migration-source.ts";
import { applyMigrations } from "../../src/tenant-schemas/apply-migrations.ts";
import { createTenantSchema } from "../../src/tenant-schemas/create-tenant-schema.ts";
import { dropTenantSchema } from "../../src/tenant-schemas/drop-tenant-schema.ts";
import { openMigrationFolder } from "../../src/tenant-schemas/migration-folder.ts";
import { prepareTenantDatabase } from "../../src/tenant-schemas/tenant-database.ts";
import { namesOf } from "../../src/tenants/names.ts";
import { parseSlug } from "../../src/tenants/slug.ts";
import { asSuperuser } from "../kit/database.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { startServer } from "../kit/servers.ts";
import { LIMITS, NAME_RULES } from "../kit/tenant-schemas.ts";
import { writeFiles } from "../migration-folders/_folder.ts";
import { type Files, failureOf } from "./_apply.ts";

/** A server with few locks, of the test's own: others would run out of them, too. */
const server = perFile(() => startServer());
beforeAll(async () => {
  await asSuperuser(server.url, async (client) => {
    await client.query("alter system set max_locks_per_transaction = 10");
    await client.query("alter system set max_connections = 20");
    await client.query("alter system set superuser_reserved_connections = 3");
  });
  await server.restart();
  await asSuperuser(server.url, prepareTenantDatabase);
});

/** Applies files to a tenant of its own; hands on how it ended, and the tenant's schema. */
async function apply(slug: string, files: Files) {
  await using folder = await openFolder();
  await writeFiles(folder.path, files);
  const migrations = await openMigrationFolder(settingsFor(folder.path));
  const names = namesOf(parseSlug(slug), NAME_RULES);
  const heard: string[] = [];
  await using client = await connected();
  const appPasswordVerifier = scramVerifier(newSecret());
  const tenant = {
    tenantId: newId(),
    names,
    appPasswordVerifier,
    connectDatabase: "postgres",
    limits: LIMITS,
  };
  await createTenantSchema(client, tenant);
  const ended = await applyMigrations(client, {
    names,
    folder: migrations,
    mode: "one-transaction",
    onFileApplied: ({ id }) => void heard.push(id),
  }).catch((error: unknown) => error);
  const sql = `select count(distinct xmin::text)::int as transactions, count(*)::int as files
    from ${names.schema}.tenantry_migration`;
  const ledger = await client.query(sql).then(
    ({ rows }) => rows[0],
    () => null,
  );
  return { ended, heard, ledger, tenant };
}

async function connected() {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

const tables = (from: number, count: number) =>
  `select 1;\ndo $$ begin for i in ${from + 1}..${from + count} loop execute format('create table t%s (a text)', i); end loop; end $$;`;

describe("more tables than the server has locks for", () => {
  test("are made file by file where each file fits", async () => {
    const ids = Array.from({ length: 8 }, (_, at) => `000${at}_t`);
    const files = ids.map((id, at) => [`${id}.sql`, tables(at * 250, 250)]);
    const { ended, heard, ledger } = await apply("many-files", Object.fromEntries(files));
    expect(ended).toEqual({ applied: ids, version: ids.at(-1) });
    expect(heard).toEqual(ids);
    expect(ledger).toEqual({ transactions: 8, files: 8 });
  });

  test("are dropped, several schemas at once", async () => {
    const files = Object.fromEntries([0, 1].map((at) => [`000${at}_t.sql`, tables(at * 200, 200)]));
    const slugs = ["dropped-a", "dropped-b", "dropped-c"];
    const made = await Promise.all(slugs.map((slug) => apply(slug, files)));
    const dropped = await Promise.all(
      made.map(async ({ tenant }) => {
        await using client = await connected();
        return await dropTenantSchema(client, tenant, () => Promise.reject(new Error("nowhere")));
      }),
    );
    for (const { dropped: kinds } of dropped)
      expect(kinds.map(({ kind }) => kind)).toContain("SCHEMA");
  });

  test("are named at once where one file has them", async () => {
    const files = { "0001_a.sql": "select 1", "0002_t.sql": tables(0, 4_000) };
    const { ended } = await apply("large-file", files);
    expect(await failureOf(Promise.reject(ended))).toMatchObject({
      code: "E_MIGRATIONS_FAILED",
      migration: { file: "0002_t.sql", line: 2, sqlState: "53200" },
    });
  });
});
