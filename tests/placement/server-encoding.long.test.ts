import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { createUtf8Database } from "../../src/database/utf8.ts";
import { checkDbServer } from "../../src/placement/check-server.ts";
import { DbServerEntity } from "../../src/placement/db-server.entity.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { asSuperuser, freshName, freshSlug, urlOf } from "../kit/database.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, testEnvironment } from "../kit/platform.ts";
import { registerServer, startServer } from "../kit/servers.ts";
import { provision } from "../kit/tenants.ts";

const migrations = perFile(async () => {
  const folder = await openFolder();
  const city = "create table city (name varchar(4) not null); insert into city values ('Łódź');";
  await writeFile(join(folder.path, "0001_city.sql"), city);
  return folder;
});
const world = perFile(() =>
  openPlatform({ worker: true, environment: { TENANT_MIGRATIONS_DIR: migrations.path } }),
);

const sql = (url: string, text: string) =>
  asSuperuser(url, async (client) => (await client.query({ text, rowMode: "array" })).rows.flat());

/** Lets the address be registered again. */
const vacate = ({ port }: { readonly port: number }) =>
  world.platform.orm.em.fork().nativeUpdate(DbServerEntity, { port }, { host: "127.0.0.9" });

describe.each(["SQL_ASCII", "LATIN1"])("a server whose own encoding is %s", (encoding) => {
  const server = perFile(() => startServer({ encoding }));

  test("keeps tenants in databases of UTF8, shared ones and their own", async () => {
    expect(await sql(server.url, "show server_encoding")).toEqual([encoding]);
    const { platform } = world;
    const { name } = await registerServer(platform, server, { name: freshName("eu-") });
    for (const isolation of ["SCHEMA", "DATABASE"] as const) {
      const slug = freshSlug("utf");
      const request = { slug, isolation, dbServer: name, seeds: [] };
      const { operation } = await provision(platform, request);
      expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
      const { databaseName, schemaName } = await tenantBySlug(platform.orm.em.fork(), slug);
      const url = urlOf(server.url, databaseName ?? "");
      expect(await sql(url, "show server_encoding")).toEqual(["UTF8"]);
      const look = `select name, char_length(name) from ${schemaName}.city`;
      expect(await sql(url, look)).toEqual(["Łódź", 4]);
    }
  });

  test("is refused where its database of tenants is there in that encoding", async () => {
    const { platform } = world;
    const em = platform.orm.em.fork();
    const database = freshName("platform_");
    await sql(server.url, `create database ${database}_tenants template template0`);
    const elsewhere = { ...platform, databaseUrl: urlOf(platform.databaseUrl, database) };
    const name = freshName("eu-");
    await vacate(server);
    const act = registerServer(elsewhere, server, { name });
    await expect(act).rejects.toMatchObject({
      code: "E_PARTIAL_STATE",
      message: expect.stringContaining(
        `the database ${database}_tenants has the encoding ${encoding} and must have UTF8`,
      ),
    });
    expect(await em.count(DbServerEntity, { name })).toBe(0);
  });

  test("is not fit where its database of tenants was made so before", async () => {
    const { platform } = world;
    const database = freshName("platform_");
    const elsewhere = { ...platform, databaseUrl: urlOf(platform.databaseUrl, database) };
    await vacate(server);
    const registered = await registerServer(elsewhere, server, { name: freshName("eu-") });
    expect(await checkDbServer(platform, registered)).toMatchObject({ fault: null });
    await sql(server.url, `drop database ${database}_tenants`);
    await sql(server.url, `create database ${database}_tenants template template0`);
    expect(await checkDbServer(platform, registered)).toMatchObject({
      probed: { superuser: true },
      fault: expect.stringContaining(`has the encoding ${encoding}`),
    });
  });

  test("serves as the platform's own where the platform database is UTF8, and not otherwise", async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "tenantry-encoding-"));
    const start = (database: string) =>
      assemble(readConfig(testEnvironment(urlOf(server.url, database), folder.path)));
    await sql(server.url, "create database spoilt template template0");
    await expect(start("spoilt")).rejects.toThrow(
      `DATABASE_URL names a database in which names and texts would be spoilt: the database spoilt has the encoding ${encoding} and must have UTF8`,
    );
    expect(await sql(urlOf(server.url, "spoilt"), "select to_regnamespace('platform')")).toEqual([
      null,
    ]);

    await sql(server.url, "create database good template template0 encoding 'UTF8'");
    const platform = await start("good");
    await platform.close();
    const tenants = urlOf(server.url, "good_tenants");
    expect(await sql(tenants, "show server_encoding")).toEqual(["UTF8"]);

    await sql(server.url, "drop database good_tenants");
    await sql(server.url, "create database good_tenants template template0");
    await expect(start("good")).rejects.toMatchObject({
      code: "E_PARTIAL_STATE",
      message: expect.stringContaining(`good_tenants has the encoding ${encoding}`),
    });
  });

  test("gives a database the locale C where its own goes with its own encoding alone", async () => {
    const german = "datcollate = 'de_DE.ISO-8859-1', datctype = 'de_DE.ISO-8859-1'";
    await sql(server.url, `update pg_database set ${german} where datname = 'template0'`);
    const name = freshName("german_");
    await asSuperuser(server.url, (client) => createUtf8Database(client, name));
    const look = `select pg_encoding_to_char(encoding), datcollate, datctype
      from pg_database where datname = '${name}'`;
    expect(await sql(server.url, look)).toEqual(["UTF8", "C", "C"]);
  });
});
