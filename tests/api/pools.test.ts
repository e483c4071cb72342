import pg from "pg";
import { expect, test, vi } from "vitest";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { OPERATOR, provisionRequest } from "../kit/tenants.ts";

const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));
const outside = perFile(async () => {
  const client = new pg.Client({ connectionString: world.platform.databaseUrl });
  await client.connect();
  return { query: client.query.bind(client), [Symbol.asyncDispose]: () => client.end() };
});

const UPDATE = `mutation ($slug: String!, $name: String!) {
  updateTenant(input: { tenant: { slug: $slug }, name: $name }) { __typename }
}`;
const start = async () => {
  const options = { dryRun: false, idempotencyKey: null };
  const request = provisionRequest({ seeds: [] });
  return await startOnTenant(
    world.platform,
    OPERATOR,
    world.platform.operations.provisionTenant,
    request,
    options,
  );
};

/** Waits until so many connections of a pool are in a transaction, as the server sees it. */
const busy = (name: string, count: number) =>
  vi.waitFor(async () => {
    // Not inside of the transaction that waits: statistics stand still in one.
    const rows = await world.platform.workerOrm.em.fork().execute(
      `select pid from pg_stat_activity where datname = current_database()
       and application_name = ? and xact_start is not null`,
      [name],
    );
    expect(rows).toHaveLength(count);
  }, 20_000);

const succeeded = ({ operation }: { readonly operation: { readonly id: string } }) =>
  vi.waitFor(async () => {
    const state = "select state from platform.operation where id = $1";
    const { rows } = await outside.query(state, [operation.id]);
    expect(rows).toEqual([{ state: "SUCCEEDED" }]);
  }, 30_000);

test("writes that wait keep nobody from reading, and neither keep the worker from its work", async () => {
  const held = await start();
  const other = await start();
  const slug = held.operation.subjectName;
  const writer = await api.as("ADMINISTRATOR");
  await outside.query("begin");
  await outside.query("select pg_advisory_xact_lock(7)");
  await outside.query("select from platform.tenant where slug = $1 for update", [slug]);
  const writes = Array.from({ length: 25 }, (_, at) =>
    writer.ask(UPDATE, { slug, name: `N${at}` }),
  );
  await busy("tenantry", 10);
  const { tenants } = await admin.ask("{ tenants { nodes { slug } } }");
  expect(tenants.nodes).toHaveLength(2);

  const look = "select pg_advisory_xact_lock_shared(7)";
  const reads = Array.from({ length: 5 }, () => world.platform.reader.em.fork().execute(look));
  await busy("tenantry reader", 5);
  await world.startWorker();
  await succeeded(other);

  await outside.query("rollback");
  await Promise.all(reads);
  for (const { updateTenant } of await Promise.all(writes)) {
    expect(updateTenant.__typename).toBe("UpdateTenantPayload");
  }
  await succeeded(held);
});
