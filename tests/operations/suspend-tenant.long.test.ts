import pg from "pg";
import { describe, expect, test } from "vitest";
import { sqlStateOf } from "../../src/database/faults.ts";
import { hashPassword } from "../../src/iam/sign-in/password.ts";
import { IdentityEntity } from "../../src/invitations/identity.entity.ts";
import { tenantSignIn } from "../../src/invitations/tenant-sign-in.ts";
import { asSuperuser } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { planFailure } from "../kit/plan-failure.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd } from "../kit/tenants.ts";
import { Life } from "./_life.ts";

const failure = planFailure({ times: 2 });
const world = perFile(() => openPlatform({ worker: failure }));
const life = new Life(world);

const run = async (
  act: "suspendTenant" | "resumeTenant",
  input: { slug: string; reason?: string },
) => await followToEnd(world.platform, (await life.start(act, input)).id);

const tenantOf = (slug: string) => life.tenant(slug);
const provisioned = () => life.provisioned();
const canLogin = (slug: string) => life.login(slug);

/** Connects as the tenant's application does. */
async function login(slug: string): Promise<pg.Client> {
  const secret = await world.platform.secrets.get(`tenant-db-${slug}`);
  const client = new pg.Client({ connectionString: secret?.value ?? "" });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

const sessionsOf = async (slug: string): Promise<number> => {
  const { appRole } = await tenantOf(slug);
  const { rows } = await asSuperuser(world.platform.databaseUrl, (client) =>
    client.query("select count(*)::int as n from pg_stat_activity where usename = $1", [appRole]),
  );
  return rows[0].n;
};

/** An application that connects again whenever its session ends, until it is refused. */
async function reconnect(slug: string): Promise<string | undefined> {
  for (;;) {
    try {
      const client = await login(slug);
      await client.query("select pg_sleep(60)").finally(() => client.end().catch(() => undefined));
    } catch (error) {
      if (sqlStateOf(error) === "28000") return "28000";
    }
  }
}

const PASSWORD = "a quiet river bends";
const INVALID_AUTHORIZATION = "28000";

describe("suspending a tenant", () => {
  test("ends its open sessions within a second, also against clients that connect again", async () => {
    const slug = await provisioned();
    const clients = await Promise.all([login(slug), login(slug)]);
    const lost = clients.map((client) => new Promise((resolve) => client.once("end", resolve)));
    const refused = [reconnect(slug), reconnect(slug), reconnect(slug)];
    const { operation, events } = await run("suspendTenant", { slug, reason: "unpaid" });
    expect(operation.state).toBe("SUCCEEDED");
    expect(operation.result?.sessionsEnded).toBeTypeOf("number");
    expect(await sessionsOf(slug)).toBe(0);
    await Promise.all(lost);
    expect(await Promise.all(refused)).toEqual(Array(3).fill(INVALID_AUTHORIZATION));
    const at = (phase: string, state: string) =>
      events
        .find(
          ({ body }) => body.type === "PHASE_STATE" && body.phase === phase && body.state === state,
        )
        ?.at.getTime() ?? Number.NaN;
    const took = at("SESSIONS_ENDED", "SUCCEEDED") - at("LOGIN_CLOSED", "SUCCEEDED");
    expect(took).toBeLessThan(1_000);
  });

  test("keeps its users out, loses nothing, and is taken back by resuming", async () => {
    const slug = await provisioned();
    const client = await login(slug);
    const before = (await client.query("select * from organization")).rows;
    await run("suspendTenant", { slug });
    expect(await tenantOf(slug)).toMatchObject({ status: "SUSPENDED" });
    const { orm, keys, clock } = world.platform;
    const email = `${slug}@acme.test`;
    const passwordHash = await hashPassword(PASSWORD);
    await orm.em.fork().nativeUpdate(IdentityEntity, { email }, { passwordHash });
    const signIn = () =>
      tenantSignIn({ em: orm.em, keys, clock }, { slug, email, password: PASSWORD, address: null });
    await expect(signIn()).rejects.toMatchObject({ code: "E_TENANT_NOT_ACTIVE" });

    const { operation } = await run("resumeTenant", { slug });
    expect(operation).toMatchObject({ state: "SUCCEEDED", result: {} });
    expect(await tenantOf(slug)).toMatchObject({ status: "ACTIVE" });
    const again = await login(slug);
    expect((await again.query("select * from organization")).rows).toEqual(before);
    expect(await signIn()).toMatchObject({ tenantSlug: slug });
    await again.end();
  });

  test("is told in the audit trail, with its reason", async () => {
    const slug = await provisioned();
    const { operation } = await run("suspendTenant", { slug, reason: "unpaid since May" });
    const rows = await world.platform.orm.em
      .fork()
      .execute<{ type: string; detail: unknown }[]>(
        "select type, detail from platform.audit_event where operation_id = ? order by sequence",
        [operation.id],
      );
    expect(rows).toMatchObject([
      { type: "TENANT_OPERATION_REQUESTED", detail: { reason: "unpaid since May" } },
      { type: "TENANT_SUSPENDED", detail: { reason: "unpaid since May" } },
      { type: "TENANT_OPERATION_ENDED", detail: { state: "SUCCEEDED" } },
    ]);
  });

  test("is refused by the lifecycle and for a faulty request", async () => {
    const slug = await provisioned();
    await expect(run("resumeTenant", { slug })).rejects.toMatchObject({ code: "E_TENANT_STATUS" });
    await expect(run("suspendTenant", { slug, reason: " " })).rejects.toMatchObject({
      code: "E_VALIDATION",
    });
    await expect(run("suspendTenant", { slug: "nobody" })).rejects.toMatchObject({
      message: "Tenant slug 'nobody' not found",
    });
    await run("suspendTenant", { slug });
    await expect(run("suspendTenant", { slug })).rejects.toMatchObject({ code: "E_TENANT_STATUS" });
  });

  test("touches no role that was not made for the tenant", async () => {
    const slug = await provisioned();
    const { appRole } = await tenantOf(slug);
    await asSuperuser(world.platform.databaseUrl, (client) =>
      client.query(`comment on role ${appRole} is 'somebody else'`),
    );
    const { operation } = await run("suspendTenant", { slug });
    expect(operation.error).toMatchObject({ code: "E_PARTIAL_STATE", phase: "LOGIN_CLOSED" });
    expect(await canLogin(slug)).toBe(true);
  });

  test.each(["LOGIN_CLOSED", "SESSIONS_ENDED", "SUSPENDED"])(
    "leaves the tenant ACTIVE and its login open when %s fails, and can be done again",
    async (phase) => {
      const slug = await provisioned();
      failure.at = phase;
      const { operation } = await run("suspendTenant", { slug });
      expect(operation).toMatchObject({ state: "FAILED", error: { code: "E_INTERNAL", phase } });
      expect((await tenantOf(slug)).status).toBe("ACTIVE");
      expect(await canLogin(slug)).toBe(true);
      failure.at = null;
      expect((await run("suspendTenant", { slug })).operation.state).toBe("SUCCEEDED");
      expect(await canLogin(slug)).toBe(INVALID_AUTHORIZATION);
    },
  );
});

describe("resuming a tenant", () => {
  test("needs a login that works with the stored secret", async () => {
    const slug = await provisioned();
    await run("suspendTenant", { slug });
    const { secrets } = world.platform;
    const name = `tenant-db-${slug}`;
    const right = await secrets.get(name);
    const wrong = new URL(right?.value ?? "");
    wrong.password = "wrong";
    await secrets.set(name, wrong.href, right?.tags ?? {});
    const { operation } = await run("resumeTenant", { slug });
    expect(operation.error).toMatchObject({ code: "E_TENANT_NOT_READY", phase: "VERIFIED" });
    expect(operation.error?.message).not.toContain("wrong");
    expect((await tenantOf(slug)).status).toBe("SUSPENDED");

    await secrets.set(name, right?.value ?? "", right?.tags ?? {});
    expect(await canLogin(slug)).toBe(INVALID_AUTHORIZATION);
    expect((await run("resumeTenant", { slug })).operation.state).toBe("SUCCEEDED");
    expect(await canLogin(slug)).toBe(true);
  });

  test.each(["LOGIN_OPENED", "VERIFIED", "RESUMED"])(
    "leaves the tenant SUSPENDED and its login closed when %s fails, and can be done again",
    async (phase) => {
      const slug = await provisioned();
      await run("suspendTenant", { slug });
      failure.at = phase;
      const { operation } = await run("resumeTenant", { slug });
      expect(operation).toMatchObject({ state: "FAILED", error: { code: "E_INTERNAL", phase } });
      expect((await tenantOf(slug)).status).toBe("SUSPENDED");
      expect(await canLogin(slug)).toBe(INVALID_AUTHORIZATION);
      failure.at = null;
      expect((await run("resumeTenant", { slug })).operation.state).toBe("SUCCEEDED");
      expect(await canLogin(slug)).toBe(true);
    },
  );
});
