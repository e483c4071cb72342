import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DbServerEntity } from "../../src/placement/db-server.entity.ts";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { CANCEL, EVENTS, OPERATION, PROVISION, RETRY } from "../kit/documents.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";
import { provisionRequest } from "../kit/tenants.ts";
import { worldOf } from "../kit/world.ts";

/** Where a test may put itself between a deed and its record. */
let afterDeed: (phase: string) => Promise<void> = async () => {};

/** An event as it comes over the wire. */
interface Event {
  readonly sequence: number;
  readonly operationState?: string;
  readonly phase?: string;
  readonly phaseState?: string;
  readonly completed?: number;
}

const migrations = perFile(() => openFolder(SMALL.TENANT_MIGRATIONS_DIR));
const world = perFile(() =>
  openPlatform({
    environment: { TENANT_MIGRATIONS_DIR: migrations.path },
    worker: { afterDeed: (phase) => afterDeed(phase) },
  }),
);
const api = perFile(() => openTestApi(world));
const provisioner = perFile(() => api.as("PROVISIONER"));

async function eventsOf(id: string, caller = provisioner): Promise<Event[]> {
  const events: Event[] = [];
  for await (const { operationEvents } of caller.follow(EVENTS, { id }))
    events.push(operationEvents);
  return events;
}

async function start(input: object) {
  const { provisionTenant } = await provisioner.ask(PROVISION, { input });
  return provisionTenant;
}

/** Provisions and follows to the end; answers the ended operation. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into what was asked for
async function provisionToEnd(input: object): Promise<{ events: Event[]; operation: any }> {
  const { operation } = await start(input);
  const events = await eventsOf(operation.id);
  return { events, ...(await provisioner.ask(OPERATION, { id: operation.id })) };
}

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

describe("provisionTenant refuses", () => {
  test("several faults at once, each with its path", async () => {
    const answer = await start({
      ...provisionRequest({
        slug: "Bad_Slug",
        name: "",
        adminEmail: "nobody",
        timeZone: "Mars/Olympus",
      }),
      seeds: ["nope"],
      states: ["california"],
      supportPhone: "call me",
    });
    expect(answer.__typename).toBe("ValidationError");
    expect(answer.code).toBe("E_VALIDATION");
    expect(answer.issues.map((issue: { path: string[] }) => issue.path.join("."))).toEqual(
      expect.arrayContaining([
        "slug",
        "name",
        "adminEmail",
        "timeZone",
        "seeds.0",
        "states.0",
        "supportPhone",
      ]),
    );
  });

  test.each([
    ["an invalid slug", { slug: "acme-" }, "E_INVALID_SLUG", "slug"],
    ["a doubled hyphen", { slug: "ac--me" }, "E_INVALID_SLUG", "slug"],
    ["a slug that is too long", { slug: "a".repeat(41) }, "E_INVALID_SLUG", "slug"],
    ["a reserved slug", { slug: "template0" }, "E_RESERVED_SLUG", "slug"],
    ["what PostgreSQL reserves", { slug: "pg-catalog" }, "E_RESERVED_SLUG", "slug"],
    ["an unknown seed set", { seeds: ["core", "moon"] }, "E_SEED_SET_NOT_FOUND", "seeds.1"],
    ["an unknown time zone", { timeZone: "Middle/Earth" }, "E_VALIDATION", "timeZone"],
    ["an empty laboratory", { initialLaboratory: " " }, "E_VALIDATION", "initialLaboratory"],
    ["a malformed region", { region: "EU West" }, "E_VALIDATION", "region"],
    ["a malformed setup name", { setupName: "Drop Table" }, "E_VALIDATION", "setupName"],
    ["a malformed support email", { supportEmail: "x" }, "E_VALIDATION", "supportEmail"],
    ["control characters", { name: "a\u0007b" }, "E_VALIDATION", "name"],
    ["a sign that turns what follows", { name: "Acme \u202etxet" }, "E_VALIDATION", "name"],
    ["a text that is too long", { vertical: "v".repeat(61) }, "E_VALIDATION", "vertical"],
    ["an empty requester", { requestedBy: "" }, "E_VALIDATION", "requestedBy"],
    ["an empty admin name", { adminName: "" }, "E_VALIDATION", "adminName"],
  ])("%s", async (_what, change, code, path) => {
    const answer = await start(provisionRequest(change));
    expect(answer).toMatchObject({ code, retryable: false });
    expect(answer.issues.map((issue: { path: string[] }) => issue.path.join("."))).toEqual([path]);
  });

  test("an unknown db server, and a region without one", async () => {
    expect(await start(provisionRequest({ dbServer: "nowhere" }))).toMatchObject({
      code: "E_DB_SERVER_NOT_FOUND",
    });
    expect(await start(provisionRequest({ region: "moon" }))).toMatchObject({
      code: "E_NO_CAPACITY",
      message: "no eligible db_server in region 'moon'",
    });
  });

  test("a full server", async () => {
    const em = world.platform.orm.em.fork();
    await em.nativeUpdate(DbServerEntity, { name: "default" }, { capacityHint: 0 });
    const answer = await start(provisionRequest());
    await em.nativeUpdate(DbServerEntity, { name: "default" }, { capacityHint: 10_000 });
    expect(answer).toMatchObject({
      code: "E_NO_CAPACITY",
      message: "no eligible db_server",
      retryable: true,
    });
  });

  test("a slug that is taken, and an owner who exists unless it is allowed", async () => {
    const { operation } = await provisionToEnd(provisionRequest());
    const taken = await start(
      provisionRequest({ slug: operation.slug, adminEmail: "other@acme.test" }),
    );
    expect(taken).toMatchObject({ __typename: "SlugTakenError", code: "E_ALREADY_PROVISIONED" });
    const owner = `${operation.slug}@acme.test`;
    const refused = await start(provisionRequest({ adminEmail: owner }));
    expect(refused).toMatchObject({ code: "E_OWNER_EXISTS" });
    const linked = await provisionToEnd(
      provisionRequest({ adminEmail: owner, allowExistingUser: true }),
    );
    expect(linked.operation.state).toBe("SUCCEEDED");
  });

  test("a second operation while one runs, naming it; of two at once one runs", async () => {
    const input = provisionRequest();
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    afterDeed = async (phase) => (phase === "STATE_CHECKED" ? await gate : undefined);
    const [one, two] = await Promise.all([start(input), start(input)]);
    const [running, refused] =
      one.operation && one.__typename === "ProvisionTenantPayload" ? [one, two] : [two, one];
    expect(refused).toMatchObject({
      __typename: "OperationInProgressError",
      code: "E_OPERATION_IN_PROGRESS",
      operation: { id: running.operation.id },
    });
    afterDeed = async () => {};
    letGo();
    expect((await eventsOf(running.operation.id)).at(-1)).toMatchObject({
      operationState: "SUCCEEDED",
    });
  });

  test("what exists under the tenant's names and no tenant explains", async () => {
    const slug = freshSlug("partial");
    const schema = `org_${slug.replaceAll("-", "_")}`;
    const tenants = `${world.platform.databaseUrl}_tenants`;
    await asSuperuser(tenants, (client) => client.query(`create schema ${schema}`));
    const { operation } = await provisionToEnd(provisionRequest({ slug }));
    expect(operation).toMatchObject({
      state: "FAILED",
      error: { code: "E_PARTIAL_STATE", phase: "STATE_CHECKED" },
    });
    expect(operation.error.message).toContain(schema);
    const { rows } = await asSuperuser(tenants, (client) =>
      client.query("select nspname from pg_namespace where nspname = $1", [schema]),
    );
    expect(rows).toHaveLength(1);

    const held = freshSlug("partial");
    await world.platform.secrets.set(`tenant-db-${held}`, "postgres://somebody", {});
    const second = await provisionToEnd(provisionRequest({ slug: held }));
    expect(second.operation.error).toMatchObject({
      code: "E_PARTIAL_STATE",
      phase: "STATE_CHECKED",
    });
    expect(second.operation.error.message).toContain(`tenant-db-${held}`);
    expect(await world.platform.secrets.get(`tenant-db-${held}`)).not.toBeNull();
  });

  test("readers, billing and support", async () => {
    for (const role of ["READONLY", "BILLING", "SUPPORT"] as const) {
      const answer = await (await api.as(role)).send(PROVISION, { input: provisionRequest() });
      expect(answer.status).toBe(200);
      expect(answer.errors?.[0]?.extensions).toMatchObject({ code: "E_FORBIDDEN" });
    }
  });
});

describe("a migration that fails", () => {
  const broken = async (sql: string) =>
    await writeFile(join(migrations.path, "0004_broken.sql"), sql);

  test("is undone whole and named, and a retry after mending the file succeeds", async () => {
    const input = provisionRequest();
    const before = await worldOf(world.platform, input.slug);
    await broken("create table fine (id int);\n\ncreate table broken (id nosuchtype);\n");
    const { operation, events } = await provisionToEnd(input);
    expect(operation).toMatchObject({
      state: "FAILED",
      error: { code: "E_MIGRATIONS_FAILED", phase: "MIGRATIONS_APPLIED", retryable: true },
      tenant: { status: "FAILED", failure: { code: "E_MIGRATIONS_FAILED" } },
    });
    expect(operation.error.message).toMatch(/0004_broken\.sql line 3: .*nosuchtype.*42704/);
    const undone = events
      .filter((event) => event.phaseState === "UNDONE")
      .map((event) => event.phase);
    expect(undone).toEqual([
      "DATABASE_CREATED",
      "SECRET_SET",
      "STATE_CHECKED",
      "PLACEMENT_RESOLVED",
    ]);
    expect(await worldOf(world.platform, input.slug)).toEqual(before);

    await broken("create table mended (id int);\n");
    const { retryOperation } = await provisioner.ask(RETRY, { id: operation.id });
    expect(retryOperation).toMatchObject({ operation: { retryOf: { id: operation.id } } });
    await eventsOf(retryOperation.operation.id);
    const again = await provisioner.ask(OPERATION, { id: retryOperation.operation.id });
    expect(again.operation).toMatchObject({
      state: "SUCCEEDED",
      tenant: { status: "ACTIVE", schemaVersion: "0004_broken" },
    });
    expect((await provisioner.ask(RETRY, { id: operation.id })).retryOperation).toMatchObject({
      code: "E_NOT_RETRYABLE",
    });
  });

  test.each([
    [
      "transaction control",
      "create table t (id int);\ncommit;",
      /0004_broken\.sql.*line 2.*COMMIT/i,
    ],
    ["a search path", "set search_path = public;", /0004_broken\.sql.*line 1/],
    ["another schema", "\ncreate table public.t (id int);", /0004_broken\.sql.*line 2.*public/],
  ])("because of %s is refused before anything is made", async (_what, sql, message) => {
    await broken(sql);
    const { operation } = await provisionToEnd(provisionRequest());
    expect(operation).toMatchObject({
      state: "FAILED",
      error: { code: "E_MIGRATION_UNSAFE", phase: "STATE_CHECKED" },
    });
    expect(operation.error.message).toMatch(message);
    await broken("select 1;");
  });

  test("because it is no SQL is refused with its line", async () => {
    await broken("create table t (id int);\ncreate tabel u (id int);");
    const { operation } = await provisionToEnd(provisionRequest());
    expect(operation).toMatchObject({ state: "FAILED", error: { phase: "STATE_CHECKED" } });
    expect(operation.error.message).toMatch(/0004_broken\.sql line 2/);
    await broken("select 1;");
  });
});

describe("cancelOperation", () => {
  test("stops at the next boundary, undoes, and leaves the tenant to be retried", async () => {
    const input = provisionRequest();
    const before = await worldOf(world.platform, input.slug);
    let cancelled: Promise<unknown> | undefined;
    let id = "";
    const known = new Promise<void>((resolve) => {
      afterDeed = async (phase) => {
        if (phase !== "DATABASE_CREATED") return;
        await known;
        cancelled = provisioner.ask(CANCEL, { id });
        await cancelled;
      };
      void start(input).then(({ operation }) => {
        id = operation.id;
        resolve();
      });
    });
    await known;
    const events = await eventsOf(id);
    afterDeed = async () => {};
    expect(await cancelled).toMatchObject({
      cancelOperation: { operation: { state: "CANCELLING" } },
    });
    expect(events.at(-1)).toMatchObject({
      operationState: "CANCELLED",
      error: { code: "E_CANCELLED" },
    });
    expect(events.some((event) => event.phase === "MIGRATIONS_APPLIED")).toBe(false);
    expect(await worldOf(world.platform, input.slug)).toEqual(before);
    expect((await provisioner.ask(CANCEL, { id })).cancelOperation).toMatchObject({
      code: "E_NOT_CANCELLABLE",
    });
    const { retryOperation } = await provisioner.ask(RETRY, { id });
    expect((await eventsOf(retryOperation.operation.id)).at(-1)).toMatchObject({
      operationState: "SUCCEEDED",
    });
  });

  test("and retryOperation refuse what they cannot find or change", async () => {
    const unknown = "00000000-0000-7000-8000-000000000000";
    for (const id of [unknown, "not-an-id"]) {
      expect((await provisioner.ask(CANCEL, { id })).cancelOperation).toMatchObject({
        code: "E_OPERATION_NOT_FOUND",
      });
      expect((await provisioner.ask(RETRY, { id })).retryOperation).toMatchObject({
        code: "E_OPERATION_NOT_FOUND",
      });
    }
    const { operation } = await provisionToEnd(provisionRequest());
    expect((await provisioner.ask(RETRY, { id: operation.id })).retryOperation).toMatchObject({
      code: "E_NOT_RETRYABLE",
    });
  });
});
