import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { sqlStateOf } from "../../src/database/faults.ts";
import { runDoctor } from "../../src/operations/health/reconcile.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { updateTenant } from "../../src/operations/update-tenant.ts";
import { asSuperuser } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd, OPERATOR } from "../kit/tenants.ts";
import { withOperation } from "../refusals/_subjects.ts";
import { Life } from "./_life.ts";

const ENVIRONMENT = {
  TENANT_CONNECTION_LIMIT: "4,premium=6",
  TENANT_STATEMENT_TIMEOUT: "90",
  TENANT_IDLE_IN_TRANSACTION_TIMEOUT: "30,premium=0",
};
const TOO_MANY = "53300";

const world = perFile(() => openPlatform({ worker: true, environment: ENVIRONMENT }));
const life = new Life(world);

const opened: pg.Client[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((client) => client.end().catch(() => undefined)));
});

const urlOf = async (slug: string) =>
  (await world.platform.secrets.get(`tenant-db-${slug}`))?.value ?? "";

/** Connects as the tenant's application does. */
async function login(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  opened.push(client);
  return client;
}

/** Opens sessions until one is refused; answers how many there are then. */
async function fill(url: string): Promise<number> {
  for (let sessions = 0; ; sessions++) {
    try {
      await login(url);
    } catch (error) {
      expect(sqlStateOf(error)).toBe(TOO_MANY);
      expect((error as Error).message).toContain("too many connections for role");
      return sessions;
    }
  }
}

/** What sessions of the tenant's application begin with. */
async function timeouts(url: string) {
  const client = await login(url);
  const { rows } = await client.query(`select current_setting('statement_timeout') as statement,
    current_setting('idle_in_transaction_session_timeout') as idle`);
  return rows[0];
}

const findingsOf = async (slug: string): Promise<string[]> => {
  const [health] = await tenantHealth(world.platform, { slug });
  return (health?.findings ?? []).map(({ code, repair }) => `${code} ${repair}`);
};

/** Changes a tenant, and waits until its logins have their limits; answers the operation's result. */
async function update(slug: string, changes: Record<string, unknown>) {
  const { operation } = await updateTenant(world.platform, OPERATOR, { slug, ...changes });
  if (operation === null) return null;
  const ended = await followToEnd(world.platform, operation.id);
  expect(ended.operation).toMatchObject({ kind: "SET_LIMITS", state: "SUCCEEDED" });
  return ended.operation.result;
}

const asAdmin = (sql: string) =>
  asSuperuser(world.platform.databaseUrl, (client) => client.query(sql));

describe("a tenant's connections", () => {
  test("end at its limit, and others, new tenants and the doctor have theirs", async () => {
    const [greedy, other] = [await life.provisioned(), await life.provisioned()];
    expect(await fill(await urlOf(greedy))).toBe(4);
    await login(await urlOf(other));
    await life.provisioned();
    expect(await findingsOf(other)).toEqual([]);
    expect(await findingsOf(greedy)).toEqual([]);
  });

  test("are no reason to fail an operation that tries the login", async () => {
    const slug = await life.provisioned({ isolation: "DATABASE" });
    await life.run("rotateCredentials", { slug });
    expect(await fill(await urlOf(slug))).toBe(4);
    for (const act of ["retireCredentials", "activateTenant"] as const)
      expect(await life.run(act, { slug })).toMatchObject({ state: "SUCCEEDED" });
  });

  test("are bounded for each login while two are open behind a rotation", async () => {
    const slug = await life.provisioned();
    const before = await urlOf(slug);
    await life.run("rotateCredentials", { slug });
    const after = await urlOf(slug);
    expect([await fill(before), await fill(after)]).toEqual([4, 4]);
    expect(await findingsOf(slug)).toEqual([]);
    await update(slug, { connectionLimit: 5 });
    expect([await fill(before), await fill(after)]).toEqual([1, 1]);
  });
});

describe("a tenant's limits", () => {
  test("are its tier's, its own where it has any, and its tier's again", async () => {
    const slug = await life.provisioned();
    const url = await urlOf(slug);
    expect(await timeouts(url)).toEqual({ statement: "90s", idle: "30s" });
    const { appRole } = await life.tenant(slug);
    const own = { connectionLimit: 2, statementTimeoutSeconds: 0 };
    expect(await update(slug, own)).toEqual({
      ...own,
      idleInTransactionTimeoutSeconds: 30,
      roles: [appRole],
    });
    expect(await timeouts(url)).toEqual({ statement: "0", idle: "30s" });
    expect(await fill(url)).toBe(0);
    await update(slug, { tier: "PREMIUM", connectionLimit: null });
    expect(await timeouts(url)).toEqual({ statement: "0", idle: "0" });
    expect(await fill(url)).toBe(3);
    expect(await findingsOf(slug)).toEqual([]);
  });

  test("start no operation where they stay, nor for a tenant out of use, which has them when it is back", async () => {
    const slug = await life.provisioned();
    expect(await update(slug, { connectionLimit: 4, name: "Other" })).toBeNull();
    await life.run("suspendTenant", { slug });
    expect(await update(slug, { tier: "PREMIUM", connectionLimit: null })).toBeNull();
    expect(await findingsOf(slug)).toEqual([]);
    await life.run("resumeTenant", { slug });
    expect(await fill(await urlOf(slug))).toBe(6);
  });

  test("that somebody changed on the server are found by the doctor and set again", async () => {
    const slug = await life.provisioned();
    const { appRole, databaseName } = await life.tenant(slug);
    const url = await urlOf(slug);
    await asAdmin(`alter role ${appRole} connection limit -1`);
    const client = await login(url);
    await client.query(
      `alter role current_user in database ${databaseName} set statement_timeout = '1ms'`,
    );
    await expect(client.query("alter role current_user connection limit 9")).rejects.toThrow(
      "permission denied",
    );
    const [health] = await tenantHealth(world.platform, { slug });
    expect(health?.findings).toMatchObject([{ code: "ROLE_LIMITS", repair: "SET_LIMITS" }]);
    expect(health?.findings[0]?.message).toContain(
      "connection limit none instead of 4, statement_timeout 1ms instead of 90s",
    );
    const { started } = await runDoctor(world.platform, OPERATOR, { slug, fix: true });
    for (const { id } of started) await followToEnd(world.platform, id);
    expect(await findingsOf(slug)).toEqual([]);
    expect(await timeouts(url)).toEqual({ statement: "90s", idle: "30s" });
  });

  test("are not changed while another operation works on the tenant", async () => {
    const { slug } = await withOperation(world, "ACTIVE", { kind: "MIGRATE", state: "UNDOING" });
    await expect(
      updateTenant(world.platform, OPERATOR, { slug, tier: "PREMIUM" }),
    ).rejects.toMatchObject({ code: "E_OPERATION_IN_PROGRESS" });
    expect((await life.tenant(slug)).tier).toBe("STANDARD");
  });

  test("have ranges", async () => {
    const faults = { connectionLimit: 0, statementTimeoutSeconds: -1 };
    const wrong = updateTenant(world.platform, OPERATOR, { slug: "acme", ...faults });
    await expect(wrong).rejects.toMatchObject({
      code: "E_VALIDATION",
      issues: Object.keys(faults).map((field) => ({ path: [field] })),
    });
  });
});
