import { describe, expect, test } from "vitest";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser, freshSlug, urlOf } from "../kit/database.ts";
import { EVENTS, OPERATION, PROVISION } from "../kit/documents.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { startServer, type TestServer } from "../kit/servers.ts";
import { provisionRequest } from "../kit/tenants.ts";
import { act } from "./_tenant-operations.ts";

const world = perFile(() => openPlatform({ worker: true }));
const east = perFile(startServer);
const west = perFile(startServer);
const api = perFile(() => openTestApi(world));
const administrator = perFile(() => api.as("ADMINISTRATOR"));

const FIELDS = `name region kind status host port tlsMode adminSecretRef capacityHint tenantCount
  freeCapacity load labels { key value }`;

const mutation = (name: string) => {
  const type = name.charAt(0).toUpperCase() + name.slice(1);
  return `mutation ($input: ${type}Input!) {
    answer: ${name}(input: $input) {
      __typename
      ... on ${type}Payload { dbServer { ${FIELDS} } }
      ... on UserError { code message retryable }
      ... on ValidationError { issues { path message } }
    }
  }`;
};

const change = async (name: string, input: object, caller = administrator) =>
  (await caller.ask(mutation(name), { input })).answer;

const dbServers = async (caller = administrator) =>
  (await caller.ask(`{ dbServers { ${FIELDS} } }`)).dbServers;

/** Keeps a login under the server's secret name, as an operator would in the vault. */
const keep = (name: string, url: string) =>
  world.platform.secrets.set(`db-server-${name}`, url, {});

const databaseName = () => new URL(world.platform.databaseUrl).pathname.slice(1);

const inputOf = (name: string, { host, port }: TestServer, more: object = {}) => ({
  name,
  region: name,
  host,
  port,
  tlsMode: "DISABLE",
  adminSecretRef: `db-server-${name}`,
  ...more,
});

async function provision(
  request: object,
): Promise<{ answer: object; operation?: { slug: string } }> {
  const input = { ...provisionRequest({ slug: freshSlug("apic") }), ...request };
  const { provisionTenant: answer } = await administrator.ask(PROVISION, { input });
  if (!answer.operation) return { answer };
  const { id } = answer.operation;
  for await (const _ of administrator.follow(EVENTS, { id }));
  return { answer, operation: (await administrator.ask(OPERATION, { id })).operation };
}

describe("db servers in the API", () => {
  test("are registered by administrators, and seen by everybody without their addresses", async () => {
    const input = inputOf("east", east, {
      capacityHint: 2,
      labels: [{ key: "team", value: "emea" }],
    });
    const unresolved = { __typename: "RefusedError", code: "E_ADMIN_CONN_UNRESOLVED" };
    expect(await change("registerDbServer", input)).toMatchObject(unresolved);
    await keep("east", east.url);
    const provisioner = await api.as("PROVISIONER");
    const forbidden = await provisioner.send(mutation("registerDbServer"), { input });
    expect(forbidden.errors?.[0]?.extensions).toMatchObject({ code: "E_FORBIDDEN" });
    const { dbServer } = await change("registerDbServer", input);
    expect(dbServer).toEqual({
      ...input,
      kind: "POSTGRES",
      status: "ACTIVE",
      tenantCount: 0,
      freeCapacity: 2,
      load: 0,
    });
    expect(await change("registerDbServer", input)).toMatchObject({ code: "E_DB_SERVER_EXISTS" });
    const seen = await dbServers(await api.as("READONLY"));
    expect(seen[0]).toMatchObject({ name: "east", host: null, port: null, adminSecretRef: null });
  });

  test("answer faulty fields with their paths", async () => {
    const wrong = inputOf("west", west, { host: "169.254.169.254" });
    expect(await change("registerDbServer", wrong)).toMatchObject({
      __typename: "ValidationError",
      issues: [{ path: ["host"], message: "must not be a link-local address" }],
    });
    const twice = [1, 2].map((value) => ({ key: "team", value: String(value) }));
    const labels = inputOf("west", west, { labels: twice });
    expect(await change("registerDbServer", labels)).toMatchObject({
      issues: [{ path: ["labels"] }],
    });
    const shouting = inputOf("west", west, { labels: [{ key: "TEAM", value: "emea" }] });
    expect(await change("registerDbServer", shouting)).toMatchObject({
      issues: [
        { path: ["labels", "TEAM"], message: expect.stringMatching(/^the key must be 1 to 63/) },
      ],
    });
    const citus = inputOf("west", west, { kind: "CITUS" });
    await keep("west", west.url);
    expect(await change("registerDbServer", citus)).toMatchObject({
      issues: [{ path: ["kind"], message: "must be POSTGRES: this server has no extension citus" }],
    });
    expect(await change("updateDbServer", { name: "west" })).toMatchObject({
      code: "E_DB_SERVER_NOT_FOUND",
    });
  });

  test("hold tenants from end to end, also with an admin that is no superuser", async () => {
    const create = "create role keeper login createdb createrole password 'keeper'";
    await asSuperuser(west.url, (client) => client.query(create));
    await keep("west", west.url.replace(/\/\/[^@]+@/, "//keeper:keeper@"));
    await change("registerDbServer", inputOf("west", west, { capacityHint: 3 }));
    for (const region of ["east", "west"]) {
      for (const isolation of ["SCHEMA", "DATABASE"]) {
        const { operation } = await provision({ region, isolation });
        expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
      }
    }
    const { operation: gone } = await provision({ region: "west", isolation: "DATABASE" });
    const purge = { slug: gone?.slug ?? "", immediately: true, reason: "a test" };
    const held = urlOf(west.url, `tenant_${purge.slug.replaceAll("-", "_")}`);
    await asSuperuser(held, async () => {
      const { operation: failing } = await act(administrator, "purgeTenant", purge);
      for await (const _ of administrator.follow(EVENTS, { id: failing.id }));
      const { error } = (await administrator.ask(OPERATION, { id: failing.id })).operation;
      expect(error).toMatchObject({
        code: "E_PARTIAL_STATE",
        message: expect.stringMatching(/held by session \d+ of tenantry \(tests\)/),
      });
    });
    const { operation: purging } = await act(administrator, "purgeTenant", purge);
    for await (const _ of administrator.follow(EVENTS, { id: purging.id }));
    const left = "select datname from pg_database where datname like 'tenant_apic%'";
    expect(await asSuperuser(west.url, (client) => client.query(left))).toMatchObject({
      rowCount: 1,
    });
    const [first, , second] = await dbServers();
    expect(first).toMatchObject({ name: "east", tenantCount: 2, freeCapacity: 0, load: 1 });
    expect(second).toMatchObject({ name: "west", tenantCount: 2, freeCapacity: 1 });
  });

  test("take no tenant when they are full, drained or unknown", async () => {
    await change("updateDbServer", { name: "east", capacityHint: 1 });
    expect((await provision({ region: "east" })).answer).toMatchObject({
      code: "E_NO_CAPACITY",
      message: "no eligible db_server in region 'east'",
      retryable: true,
    });
    const drain = { name: "west", status: "DRAINING", reason: "new disks" };
    const { dbServer } = await change("setDbServerStatus", drain);
    expect(dbServer).toMatchObject({ status: "DRAINING", tenantCount: 2 });
    for (const dbServer of ["west", "nowhere"])
      expect((await provision({ dbServer })).answer).toMatchObject({
        code: "E_DB_SERVER_NOT_FOUND",
      });
    await change("setDbServerStatus", { name: "west", status: "ACTIVE" });
  });

  test("are checked for those who may provision, without being changed", async () => {
    const query = `query ($name: String) { dbServerChecks(name: $name) {
      dbServer { name tenantDatabase } probed { version superuser citus } fault warnings ms } }`;
    const provisioner = await api.as("PROVISIONER");
    const { dbServerChecks } = await provisioner.ask(query);
    const names = dbServerChecks.map(
      ({ dbServer }: { dbServer: { name: string } }) => dbServer.name,
    );
    expect(names).toEqual(["east", "default", "west"]);
    const [one] = (await provisioner.ask(query, { name: "west" })).dbServerChecks;
    expect(one).toMatchObject({
      dbServer: { name: "west", tenantDatabase: `${databaseName()}_tenants` },
      fault: null,
      probed: { superuser: false, citus: null },
    });
    await keep("west", west.url.replace(/\/\/[^@]+@/, "//keeper:wrong@"));
    const [refused] = (await provisioner.ask(query, { name: "west" })).dbServerChecks;
    expect(refused).toMatchObject({ probed: null, fault: expect.stringMatching(/28P01/) });
    await keep("west", west.url.replace(/\/\/[^@]+@/, "//keeper:keeper@"));
    const code = async (caller: typeof provisioner, variables: Record<string, unknown>) =>
      (await caller.send(query, variables)).errors?.[0]?.extensions?.code;
    expect(await code(provisioner, { name: "nowhere" })).toBe("E_DB_SERVER_NOT_FOUND");
    expect(await code(await api.as("SUPPORT"), {})).toBe("E_FORBIDDEN");
  });

  test("fail an operation with their code when the admin's secret opens nothing", async () => {
    await keep("west", west.url.replace(/\/\/[^@]+@/, "//keeper:wrong@"));
    const { operation } = await provision({ dbServer: "west" });
    expect(operation).toMatchObject({
      state: "FAILED",
      error: { code: "E_ADMIN_CONN_UNRESOLVED", phase: "STATE_CHECKED" },
    });
    expect(await dbServers()).toMatchObject([{ tenantCount: 2 }, {}, { tenantCount: 2 }]);
  });
});
