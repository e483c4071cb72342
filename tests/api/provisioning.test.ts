import { describe, expect, test } from "vitest";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { provisionRequest } from "../kit/tenants.ts";
import { worldOf } from "../kit/world.ts";
import { provisioning } from "./_provisioning.ts";

const { world, provisioner, start, eventsOf, provisionToEnd } = provisioning();

describe("provisionTenant", () => {
  test("makes a tenant, with every phase told live and in order", async () => {
    const input = provisionRequest({
      adminName: "Ada",
      region: "local",
      states: ["CA"],
      timeZone: "Europe/Berlin",
    });
    const { events, operation } = await provisionToEnd(input);
    expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index + 1));
    const succeeded = events
      .filter((event) => event.phaseState === "SUCCEEDED")
      .map((event) => event.phase);
    expect(succeeded).toEqual([
      "PLACEMENT_RESOLVED",
      "STATE_CHECKED",
      "SECRET_SET",
      "DATABASE_CREATED",
      "MIGRATIONS_APPLIED",
      "SEEDS_APPLIED",
      "VERIFIED",
      "MASTER_REGISTERED",
      "ADMIN_SEEDED",
      "COMPLETE",
    ]);
    expect(
      events.filter((event) => event.phase === "MIGRATIONS_APPLIED" && event.completed === 3),
    ).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ operationState: "SUCCEEDED", error: null });
    expect(operation).toMatchObject({
      state: "SUCCEEDED",
      done: true,
      tenant: {
        slug: input.slug,
        status: "ACTIVE",
        schemaVersion: "0003_samples",
        migrationsApplied: 3,
      },
      result: {
        __typename: "ProvisionSummary",
        tables: 4,
        migrationsApplied: 3,
        roleLogin: true,
        seedRows: [
          { set: "core", rows: 2 },
          { set: "extra", rows: 1 },
        ],
      },
    });
  });

  test("makes one without people and laboratory where none was asked for", async () => {
    const input = { slug: freshSlug(), name: "Empty" };
    const { operation } = await provisionToEnd(input);
    expect(operation).toMatchObject({ state: "SUCCEEDED", tenant: { status: "ACTIVE" } });
    const seeded = operation.phases.find(({ name }: { name: string }) => name === "ADMIN_SEEDED");
    expect(seeded).toMatchObject({
      state: "SKIPPED",
      note: "no first administrator was asked for",
    });
    const found = await provisioner.ask(
      `query ($by: TenantBy!, $id: ID!) {
        tenant(by: $by) { health { findings { code } } adminEmail members { totalCount } invitations { totalCount } }
        operation(id: $id) { result { ... on ProvisionSummary { credential } } } }`,
      { by: { slug: input.slug }, id: operation.id },
    );
    expect(found).toEqual({
      tenant: {
        health: { findings: [] },
        adminEmail: null,
        members: { totalCount: 0 },
        invitations: { totalCount: 0 },
      },
      operation: { result: { credential: null } },
    });
    const secret = await world.platform.secrets.get(`tenant-db-${input.slug}`);
    await asSuperuser(secret?.value ?? "", async (client) => {
      const { rows } = await client.query(
        "select (select count(*)::int from organization), (select count(*)::int from laboratory) as laboratories",
      );
      expect(rows).toEqual([{ count: 1, laboratories: 0 }]);
    });
    const invited = await provisioner.ask(
      `mutation ($input: InviteTenantAdminInput!) { inviteTenantAdmin(input: $input) {
        ... on InviteTenantAdminPayload { tenant { members { nodes { identity { email } } } } } } }`,
      { input: { tenant: { slug: input.slug }, email: "ada@empty.test" } },
    );
    expect(invited.inviteTenantAdmin.tenant.members.nodes).toEqual([
      { identity: { email: "ada@empty.test" } },
    ]);
  });

  test("refuses what is said of a first administrator whom nobody asked for", async () => {
    const input = { slug: freshSlug(), name: "Empty" };
    for (const more of [{ adminName: "Ada" }, { adminCredential: "ONE_TIME_PASSWORD" }]) {
      expect(await start({ ...input, ...more })).toMatchObject({
        code: "E_VALIDATION",
        issues: [{ path: [Object.keys(more)[0]] }],
      });
    }
  });

  test("leaves a secret whose URL logs in as the app role and reaches its tables only", async () => {
    const { operation } = await provisionToEnd(provisionRequest());
    const secret = await world.platform.secrets.get(`tenant-db-${operation.slug}`);
    const url = secret?.value ?? "";
    expect(url).toMatch(/^postgres:\/\//);
    await asSuperuser(url, async (client) => {
      expect((await client.query("select count(*)::int as n from laboratory")).rows).toEqual([
        { n: 1 },
      ]);
      expect((await client.query("select name, time_zone from organization")).rows).toEqual([
        { name: "Acme", time_zone: "UTC" },
      ]);
      await expect(client.query("create table stray (id int)")).rejects.toMatchObject({
        code: "42501",
      });
      await expect(client.query("delete from tenantry_migration")).rejects.toMatchObject({
        code: "42501",
      });
    });
    const platformUrl = new URL(url);
    platformUrl.pathname = new URL(world.platform.databaseUrl).pathname;
    await expect(asSuperuser(platformUrl.href, async () => {})).rejects.toMatchObject({
      code: "42501",
    });
  });

  test("plans in a dry run and writes nothing but the operation", async () => {
    const input = provisionRequest({ seeds: ["extra"] });
    const before = await worldOf(world.platform, input.slug);
    const { operation, events } = await provisionToEnd({ ...input, dryRun: true });
    expect(operation).toMatchObject({ state: "SUCCEEDED", dryRun: true, tenant: null });
    const schema = `org_${input.slug.replaceAll("-", "_")}`;
    expect(operation.result).toMatchObject({
      __typename: "ProvisionPlan",
      dbServer: "default",
      schema,
      ownerRole: `${schema}_owner`,
      appRole: `${schema}_app`,
      migrations: ["0001_organization", "0002_units", "0003_samples"],
      migrationFormat: "PLAIN",
      passedOver: [],
      passedOverCount: 0,
      seedSets: ["core", "extra"],
    });
    expect(events.filter((event) => event.phaseState === "SKIPPED")).toHaveLength(8);
    expect(await worldOf(world.platform, input.slug)).toEqual(before);
    const { tenant } = await provisioner.ask(
      `query ($slug: String!) { tenant(by: { slug: $slug }) { id } }`,
      {
        slug: input.slug,
      },
    );
    expect(tenant).toBeNull();
    const rows = await world.platform.orm.em
      .fork()
      .execute("select 1 from platform.audit_event where tenant_slug = ?", [input.slug]);
    expect(rows).toEqual([]);
  });

  test("answers the same operation for the same key and input, and refuses another input", async () => {
    const input = { ...provisionRequest(), idempotencyKey: freshSlug("key") };
    const [first, second] = await Promise.all([start(input), start(input)]);
    expect([first.replayed, second.replayed].sort()).toEqual([false, true]);
    expect(second.operation.id).toBe(first.operation.id);
    await eventsOf(first.operation.id);
    expect(await start(input)).toMatchObject({ replayed: true, operation: { state: "SUCCEEDED" } });
    expect(await start({ ...input, name: "Other" })).toMatchObject({
      code: "E_IDEMPOTENCY_KEY_REUSED",
    });
  });
});
