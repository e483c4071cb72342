import { describe, expect, test } from "vitest";
import { DbServerEntity } from "../../src/placement/db-server.entity.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { PROVISION } from "../kit/documents.ts";
import { provisionRequest } from "../kit/tenants.ts";
import { provisioning } from "./_provisioning.ts";

const { between, world, api, start, eventsOf, provisionToEnd } = provisioning();

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
    ["an empty requester", { onBehalfOf: "" }, "E_VALIDATION", "onBehalfOf"],
    ["an empty admin name", { adminName: "" }, "E_VALIDATION", "adminName"],
  ])("%s", async (_what, change, code, path) => {
    const answer = await start({ ...provisionRequest(), ...change });
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
    between.afterEffect = async (phase) => (phase === "STATE_CHECKED" ? await gate : undefined);
    const [one, two] = await Promise.all([start(input), start(input)]);
    const [running, refused] =
      one.operation && one.__typename === "ProvisionTenantPayload" ? [one, two] : [two, one];
    expect(refused).toMatchObject({
      __typename: "OperationInProgressError",
      code: "E_OPERATION_IN_PROGRESS",
      operation: { id: running.operation.id },
    });
    between.afterEffect = async () => {};
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
