import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Actor } from "../../src/iam/actor.ts";
import { hashPassword } from "../../src/iam/sign-in/password.ts";
import { acceptInvitation } from "../../src/invitations/accept-invitation.ts";
import { IdentityEntity } from "../../src/invitations/identity.entity.ts";
import { InvitationEntity } from "../../src/invitations/invitation.entity.ts";
import { tenantSignIn } from "../../src/invitations/tenant-sign-in.ts";
import { OperationEntity } from "../../src/operations/engine/operation.entity.ts";
import { retryOperation } from "../../src/operations/retry-and-cancel.ts";
import { placeHold } from "../../src/operations/tenant-hold.ts";
import { findTenant } from "../../src/tenants/registry.ts";
import { asSuperuser, freshSlug, urlOf } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd, OPERATOR } from "../kit/tenants.ts";
import { worldOf } from "../kit/world.ts";
import { Life } from "./_life.ts";

const PASSWORD = "a quiet river bends";
const NOW = { immediately: true, reason: "asked to be forgotten" };
const PROVISIONER: Actor = { ...OPERATOR, role: "PROVISIONER" };

/** What the test that runs does behind a phase's deed. */
let afterPurge: ((phase: string) => Promise<void>) | null = null;

const world = perFile(openPlatform);
const life = new Life(world);
const startWorker = () =>
  world.startWorker({ afterEffect: async (phase) => await afterPurge?.(phase), times: 2 });
const failAt = (failing: string) => {
  afterPurge = async (phase) => {
    if (phase === failing) throw new Error("planned failure");
  };
};

let worker: Awaited<ReturnType<typeof startWorker>>;

beforeAll(async () => {
  worker = await startWorker();
});
afterEach(() => {
  afterPurge = null;
});
const evidenceOf = (slug: string) => {
  const schema = `org_${slug.replaceAll("-", "_")}`;
  return {
    server: "default",
    database: expect.any(String),
    schema,
    tables: expect.any(Number),
    bytes: expect.any(Number),
    roles: expect.arrayContaining([`${schema}_owner`, `${schema}_app`]),
    secretName: `tenant-db-${slug}`,
  };
};

const inDatabase = (name: string, sql: string) =>
  asSuperuser(urlOf(world.platform.databaseUrl, name), (client) => client.query(sql));
const subscribe = (name: string) =>
  inDatabase(
    name,
    `create subscription of_${name} connection 'host=nowhere.invalid' publication p with (connect = false, slot_name = none, enabled = false, create_slot = false)`,
  );
const unsubscribe = (name: string) => inDatabase(name, `drop subscription of_${name}`);

async function expectNothingLeft(slug: string): Promise<void> {
  const after = await worldOf(world.platform, slug);
  expect(after.schemas.filter((name) => name.includes(slug.replaceAll("-", "_")))).toEqual([]);
  expect(after.roles).toEqual([]);
  expect(after.secrets).not.toContain(`tenant-db-${slug}`);
  expect(after.identities).not.toContain(`${slug}@acme.test`);
  expect(await findTenant(life.em, { slug })).toBeNull();
}

describe("purging a tenant", () => {
  test("removes everything of it, and records the evidence", async () => {
    const slug = freshSlug("life");
    const before = await worldOf(world.platform, slug);
    await life.provisioned({ slug });
    const { id } = await life.tenant(slug);
    const operation = await life.run("purgeTenant", { slug, ...NOW });
    const people = { memberships: 1, invitations: 1, mails: 1, identities: 1 };
    const evidence = evidenceOf(slug);
    expect(operation).toMatchObject({
      state: "SUCCEEDED",
      result: { begun: true, evidence, people, remaining: [] },
    });
    expect(operation).toMatchObject({ result: { evidence: { tables: 4 } } });
    expect(await worldOf(world.platform, slug)).toEqual(before);
    expect((await findTenant(life.em, { id }))?.status).toBe("PURGED");
    const facts = await life.facts(operation.id);
    expect(facts.TENANT_PURGED).toMatchObject({ reason: NOW.reason, evidence, people });
    expect(await life.em.count(OperationEntity, { subjectId: id })).toBe(2);
  });

  test("looks only, in a dry run", async () => {
    const slug = await life.provisioned();
    const operation = await life.run("purgeTenant", { slug, ...NOW }, OPERATOR, true);
    expect(operation).toMatchObject({
      state: "SUCCEEDED",
      result: { begun: false, evidence: evidenceOf(slug), people: null },
    });
    expect(await life.login(slug)).toBe(true);
  });

  test("is refused while its window runs, and for whoever may not", async () => {
    const slug = await life.provisioned();
    const refusal = (input: object, actor = OPERATOR) =>
      life.start("purgeTenant", { slug, ...input }, actor).then(
        () => null,
        (error) => error.code,
      );
    expect(await refusal({})).toBe("E_RETENTION_RUNNING");
    expect(await refusal({ immediately: true })).toBe("E_VALIDATION");
    expect(await refusal(NOW, PROVISIONER)).toBe("E_FORBIDDEN");
    const { id } = await life.run("offboardTenant", { slug });
    expect(await refusal({})).toBe("E_RETENTION_RUNNING");
    await placeHold(world.platform, OPERATOR, { slug, reason: "legal hold" });
    expect(await refusal(NOW)).toBe("E_TENANT_LOCKED");
    await life.em.execute(
      "update platform.tenant set purge_after = now(), locked_at = null, lock_reason = null where slug = ?",
      [slug],
    );
    expect(await refusal({}, PROVISIONER)).toBe("E_FORBIDDEN");
    expect((await life.run("purgeTenant", { slug })).state).toBe("SUCCEEDED");
    expect(await life.timers(id)).toHaveLength(1);
  });

  test("is refused before there is no way back, and names what holds the tenant's database", async () => {
    const slug = await life.provisioned({ isolation: "DATABASE" });
    const { databaseName, schemaName } = await life.tenant(slug);
    await asSuperuser(urlOf(world.platform.databaseUrl, databaseName ?? ""), async (client) => {
      await client.query("select pg_create_logical_replication_slot($1, 'pgoutput', true)", [
        `slot_of_${schemaName}`,
      ]);
      await client.query(`begin; create table public.kept (); prepare transaction 'held ${slug}'`);
      const failed = await life.run("purgeTenant", { slug, ...NOW });
      expect(failed).toMatchObject({ state: "FAILED", error: { code: "E_PARTIAL_STATE" } });
      expect(failed.error?.message).toMatch(
        /slot slot_of_\w+, which session \d+ of \w+ \(tests\) reads, since 20.*prepared transaction held [\w-]+ of \w+, since 20/,
      );
      expect(await life.tenant(slug)).toMatchObject({ status: "ACTIVE" });
      expect(await life.login(slug)).toBe(true);
      await client.query(`rollback prepared 'held ${slug}'`);
    });
    afterPurge = async (phase) => {
      if (phase === "PURGE_BEGUN") await subscribe(databaseName ?? "");
    };
    const failed = await life.run("purgeTenant", { slug, ...NOW });
    expect(failed).toMatchObject({
      state: "FAILED",
      result: { begun: true },
      error: {
        code: "E_PARTIAL_STATE",
        message: expect.stringMatching(/held by subscription of_\w+ of/),
      },
    });
    afterPurge = null;
    await unsubscribe(databaseName ?? "");
    const { id } = await retryOperation(world.platform, OPERATOR, failed.id);
    expect((await followToEnd(world.platform, id)).operation.state).toBe("SUCCEEDED");
    await expectNothingLeft(slug);
  });

  test("is refused while a prepared transaction holds its schema in a shared database", async () => {
    const slug = await life.provisioned();
    const { databaseName, schemaName } = await life.tenant(slug);
    await asSuperuser(urlOf(world.platform.databaseUrl, databaseName ?? ""), async (client) => {
      await client.query(
        `begin; create table ${schemaName}.kept (); prepare transaction 'held ${slug}'`,
      );
      const failed = await life
        .run("purgeTenant", { slug, ...NOW })
        .finally(() => client.query(`rollback prepared 'held ${slug}'`));
      expect(failed.error).toMatchObject({
        code: "E_PARTIAL_STATE",
        message: expect.stringContaining(`held ${slug}`),
      });
    });
    expect((await life.run("purgeTenant", { slug, ...NOW })).state).toBe("SUCCEEDED");
  });

  test("forgets people who belong to no other tenant, and keeps the others", async () => {
    const email = `${freshSlug("shared")}@acme.test`;
    const slug = await life.provisioned({ adminEmail: email });
    const other = await life.provisioned({ adminEmail: email, allowExistingUser: true });
    const first = await life.run("purgeTenant", { slug, ...NOW });
    expect(first.result).toMatchObject({ people: { memberships: 1, identities: 0 } });
    expect(await life.em.count(IdentityEntity, { email })).toBe(1);
    const second = await life.run("purgeTenant", { slug: other, ...NOW });
    expect(second.result).toMatchObject({ people: { memberships: 1, identities: 1 } });
    expect(await life.em.count(IdentityEntity, { email })).toBe(0);
  });

  test("frees the slug, and nothing of the old tenant shows", async () => {
    const { orm, keys, clock, credentials } = world.platform;
    const ports = { em: orm.em, keys, clock };
    const slug = await life.provisioned();
    const old = await life.tenant(slug);
    const email = `${slug}@acme.test`;
    const invitation = await life.em.findOneOrFail(InvitationEntity, { tenantId: old.id });
    const passwordHash = await hashPassword(PASSWORD);
    await life.em.nativeUpdate(IdentityEntity, { email }, { passwordHash });
    const signIn = () => tenantSignIn(ports, { slug, email, password: PASSWORD, address: null });
    await signIn();
    expect((await life.run("purgeTenant", { slug, ...NOW })).state).toBe("SUCCEEDED");
    await expect(signIn()).rejects.toMatchObject({ code: "E_SIGN_IN_FAILED" });

    await life.provisioned({ slug, name: "Another", adminEmail: email });
    const tenant = await life.tenant(slug);
    expect(tenant).toMatchObject({ name: "Another", status: "ACTIVE", lockedAt: null });
    expect(tenant.id).not.toBe(old.id);
    await expect(signIn()).rejects.toMatchObject({ code: "E_SIGN_IN_FAILED" });
    const token = credentials.token(invitation.id);
    await expect(
      acceptInvitation(ports, { token, newPassword: PASSWORD, address: null }),
    ).rejects.toMatchObject({ code: "E_INVITATION_INVALID" });
    expect(await findTenant(life.em, { id: old.id })).toMatchObject({
      adminEmail: "removed@purged.invalid",
      dbServerId: null,
    });
  });
});

describe("a purge that fails", () => {
  test.each(["EVIDENCE_TAKEN", "LOGIN_CLOSED", "SESSIONS_ENDED", "PURGE_BEGUN"])(
    "before it has begun leaves the tenant as it was: %s",
    async (phase) => {
      const slug = await life.provisioned();
      failAt(phase);
      const operation = await life.run("purgeTenant", { slug, ...NOW });
      expect(operation).toMatchObject({ state: "FAILED", error: { phase } });
      expect((await life.tenant(slug)).status).toBe("ACTIVE");
      expect(await life.login(slug)).toBe(true);
      afterPurge = null;
      expect((await life.run("purgeTenant", { slug, ...NOW })).state).toBe("SUCCEEDED");
      await expectNothingLeft(slug);
    },
  );

  test.each(["SCHEMA_DROPPED", "SECRET_REMOVED", "REMAINING_FOUND", "PURGED"])(
    "after it has begun cannot be taken back, and goes on when it is retried: %s",
    async (phase) => {
      const slug = await life.provisioned();
      failAt(phase);
      const operation = await life.run("purgeTenant", { slug, ...NOW });
      expect(operation).toMatchObject({ state: "FAILED", error: { phase } });
      expect(await life.tenant(slug)).toMatchObject({ status: "OFFBOARDED", offboardedFrom: null });
      await expect(life.start("restoreTenant", { slug })).rejects.toMatchObject({
        code: "E_TENANT_STATUS",
        message: expect.stringContaining("cannot be taken back"),
      });
      afterPurge = null;
      const again = await retryOperation(world.platform, OPERATOR, operation.id);
      const { operation: ended } = await followToEnd(world.platform, again.id);
      expect(ended).toMatchObject({
        state: "SUCCEEDED",
        result: { evidence: { ...evidenceOf(slug), tables: 4 }, remaining: [] },
      });
      await expectNothingLeft(slug);
    },
  );

  test("with its worker in the middle of it is ended by another worker", async () => {
    const slug = await life.provisioned();
    const reached = Promise.withResolvers<void>();
    afterPurge = async (phase) => {
      if (phase !== "SCHEMA_DROPPED") return;
      reached.resolve();
      await new Promise(() => {});
    };
    const { id } = await life.start("purgeTenant", { slug, ...NOW });
    await reached.promise;
    await worker.stop(0);
    afterPurge = null;
    worker = await startWorker();
    const { operation, events } = await followToEnd(world.platform, id);
    expect(operation).toMatchObject({
      state: "SUCCEEDED",
      result: { evidence: evidenceOf(slug), remaining: [] },
    });
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
    await expectNothingLeft(slug);
  });

  test("a retention window ends also when no worker was there at its end", async () => {
    const slug = await life.provisioned();
    const { id } = await life.run("offboardTenant", { slug });
    await worker.stop(1_000);
    await life.endWindow(slug, id);
    const purge = await life.follow(slug, "PURGE", async () => {
      worker = await startWorker();
    });
    expect(purge).toMatchObject({ state: "SUCCEEDED", actorKind: "SYSTEM" });
    await expectNothingLeft(slug);
  });
});
