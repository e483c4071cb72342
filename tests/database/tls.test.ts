import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { platformConfig } from "../../src/database/connect.ts";
import { withConnection } from "../../src/database/own-connection.ts";
import { onlyOne } from "../../src/operations/health/only-one.ts";
import { checkDbServer } from "../../src/placement/check-server.ts";
import { dbServerByName } from "../../src/placement/db-server-registry.ts";
import { startPlatformWorker } from "../../src/worker.ts";
import { asSuperuser } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { testEnvironment } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";
import { startTlsServer } from "../kit/tls.ts";

const server = perFile(startTlsServer);
const full = () => ({ sslmode: "verify-full", ...server.trusted });
const enter = (parameters: Record<string, string>) =>
  withConnection(platformConfig(server.urlOf("postgres", parameters)), async (client) => {
    const { rows } = await client.query<{ ssl: boolean }>(
      "select ssl from pg_stat_ssl where pid = pg_backend_pid()",
    );
    return rows[0]?.ssl;
  });

const ENCRYPTED = `select a.application_name as name, bool_and(s.ssl and s.client_dn is not null) as safe
  from pg_stat_activity a join pg_stat_ssl s using (pid)
  where a.backend_type = 'client backend' and a.application_name <> 'tests'
    and a.application_name <> 'tenantry embedded' group by 1 order by 1`;

describe("a server that takes TLS only", () => {
  test("has every connection encrypted, whatever it is for", async () => {
    await asSuperuser(server.urlOf("postgres", full()), (client) =>
      client.query("create database platform template template0"),
    );
    const dataDir = await mkdtemp(join(tmpdir(), "tenantry-test-"));
    const parameters = { ...full(), channel_binding: "require", application_name: "acme" };
    const url = server.urlOf("platform", parameters);
    const platform = await assemble(readConfig(testEnvironment(url, dataDir)));
    const worker = await startPlatformWorker(platform);
    try {
      for (const isolation of ["SCHEMA", "DATABASE"] as const) {
        const { operation } = await provision(platform, { isolation });
        expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
      }
      const server = await dbServerByName(platform.orm.em.fork(), "default");
      expect(server.tlsMode).toBe("VERIFY_FULL");
      expect(await checkDbServer(platform, server)).toMatchObject({ fault: null });
      const seen = await onlyOne(url, "reconciling", () =>
        asSuperuser(url, async (client) => (await client.query(ENCRYPTED)).rows),
      );
      const names = seen?.map(({ name }) => name);
      const parts = names?.map((name: string) => name.replace(/ \d+@.*/, ""));
      const wanted = ["acme", "acme engine", "acme feed", "acme reconciling", "acme worker"];
      expect(parts).toEqual(expect.arrayContaining(wanted));
      expect(seen).toEqual(names?.map((name) => ({ name, safe: true })));
    } finally {
      await worker.stop(2_000);
      await platform.close();
      await rm(dataDir, { recursive: true });
    }
  });

  test("is not entered with another authority, nor without TLS, in one clear line", async () => {
    const start = (parameters: Record<string, string>) =>
      assemble(readConfig(testEnvironment(server.urlOf("postgres", parameters), tmpdir())));
    const strange = { ...full(), sslrootcert: server.strangersAuthority };
    await expect(start(strange)).rejects.toThrow(
      /^The platform database localhost:\d+\/postgres cannot be reached: .*certificate/,
    );
    await expect(start({ sslmode: "disable" })).rejects.toThrow(
      /no pg_hba.conf entry .* no encryption/,
    );
  });

  test("is entered by libpq's meaning of each mode", async () => {
    const { sslcert, sslkey, sslrootcert } = server.trusted;
    const own = { sslcert, sslkey };
    const strange = { ...own, sslrootcert: server.strangersAuthority };
    expect(await enter({ ...own, sslmode: "require" })).toBe(true);
    expect(await enter({ ...own, sslmode: "verify-ca", sslrootcert })).toBe(true);
    expect(await enter({ ...own, sslrootcert })).toBe(true);
    await expect(enter({ ...strange, sslmode: "require" })).rejects.toThrow(/certificate/);
    await expect(enter({ ...own, sslmode: "verify-full" })).rejects.toThrow(/certificate/);
    const elsewhere = server.urlOf("postgres", { ...own, sslmode: "verify-full", sslrootcert });
    const byAddress = elsewhere.replace("localhost", "127.0.0.1");
    const asIp = (url: string) => withConnection(platformConfig(url), async () => "in");
    await expect(asIp(byAddress)).rejects.toThrow(/altnames/);
    expect(await asIp(byAddress.replace("verify-full", "verify-ca"))).toBe("in");
  });

  test("is not entered where it does not bind the login to the connection as is asked", async () => {
    const bound = { ...full(), channel_binding: "require" };
    expect(await enter(bound)).toBe(true);
    for (const method of ["trust", "password", "md5"]) {
      await server.allow([`hostssl postgres tenantry all ${method}`]);
      const entered = enter(bound);
      if (method === "md5")
        expect(await entered).toBe(true); // a SCRAM verifier is asked by SCRAM
      else await expect(entered).rejects.toThrow(/channel binding/);
    }
    await server.allow([]);
  });
});
