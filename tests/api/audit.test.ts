import { beforeAll, describe, expect, test } from "vitest";
import { record } from "../../src/audit/record.ts";
import { newId } from "../../src/kernel/ids.ts";
import { type Caller, openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";

const OPERATION = newId();

const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));
beforeAll(async () => {
  const started = await ask(
    `mutation { provisionTenant(input: { slug: "audited", name: "A", adminEmail: "a@example.com", initialLaboratory: "L" }) {
      ... on ProvisionTenantPayload { operation { id } } } }`,
  );
  expect(started.provisionTenant.operation.id).toBeTypeOf("string");
  await ask(
    'mutation { lockTenant(input: { tenant: { slug: "audited" }, reason: "hold" }) { __typename } }',
  );
  const actor = { kind: "SERVICE_TOKEN", id: newId(), name: "ci", address: "192.0.2.7" } as const;
  await world.platform.orm.em.fork().transactional(async (em) => {
    record(em, actor, {
      type: "OPERATION_CANCEL_REQUESTED",
      tenant: { id: null, slug: "former" },
      operationId: OPERATION,
      detail: { kind: "MIGRATE" },
    });
  });
});
const ask: Caller["ask"] = (query, variables) => admin.ask(query, variables);

const LIST = `query ($filter: AuditFilter, $first: Int!, $after: String) {
  auditEvents(filter: $filter, first: $first, after: $after) {
    totalCount
    nodes {
      id sequence type at address slug detail prevHash hash
      actor { kind id: principalId name } tenant { slug lockReason } operation { kind }
    }
    pageInfo { hasNextPage endCursor }
  }
}`;
const list = async (filter: object = {}, first = 50, after: string | null = null) =>
  (await ask(LIST, { filter, first, after })).auditEvents;
const typesBy = async (filter: object) =>
  (await list(filter)).nodes.map(({ type }: { type: string }) => type);

describe("auditEvents", () => {
  test("tells who did what, from where, about which tenant, in which operation", async () => {
    const [locked] = (await list({ types: ["TENANT_LOCKED"] })).nodes;
    expect(locked).toMatchObject({
      type: "TENANT_LOCKED",
      slug: "audited",
      detail: { reason: "hold" },
      operation: null,
      address: "127.0.0.1",
      tenant: { slug: "audited", lockReason: "hold" },
      actor: { kind: "USER", name: admin.email },
    });
    const { nodes } = await list({ types: ["TENANT_PROVISION_REQUESTED"] });
    expect(nodes).toMatchObject([{ operation: { kind: "PROVISION" } }]);
    const { node } = await ask("query ($id: ID!) { node(id: $id) { __typename id } }", {
      id: locked.id,
    });
    expect(node).toEqual({ __typename: "AuditEvent", id: locked.id });
  });

  test("is read page by page, the newest first, each linked to the one before", async () => {
    const all = await list();
    const seen = [];
    for (let after = null; ; ) {
      const page = await list({}, 2, after);
      seen.push(...page.nodes);
      expect(page.totalCount).toBe(all.nodes.length);
      if (!page.pageInfo.hasNextPage) break;
      after = page.pageInfo.endCursor;
    }
    expect(seen).toEqual(all.nodes);
    expect(seen.map(({ sequence }) => Number(sequence))).toEqual(
      seen.map((_, at) => seen.length - at),
    );
    for (const [at, { prevHash }] of seen.entries()) {
      expect(prevHash).toBe(seen[at + 1]?.hash ?? "0".repeat(64));
    }
  });

  test.each([
    ["types", { types: ["TENANT_LOCKED", "SIGNED_IN"] }, ["TENANT_LOCKED", "SIGNED_IN"]],
    ["a slug", { slug: "former" }, ["OPERATION_CANCEL_REQUESTED"]],
    ["an operation", { operationId: OPERATION }, ["OPERATION_CANCEL_REQUESTED"]],
    ["an address", { address: "192.0.2.7" }, ["OPERATION_CANCEL_REQUESTED"]],
    ["a kind of actor", { actorKind: "SERVICE_TOKEN" }, ["OPERATION_CANCEL_REQUESTED"]],
    ["something else than an id", { tenantId: "nonsense" }, []],
    ["what never was", { slug: "audited", types: ["TENANT_PURGED"] }, []],
    ["a time that has passed", { until: "2020-01-01T00:00:00Z" }, []],
    ["a time that is to come", { since: "2120-01-01T00:00:00Z" }, []],
  ])("is filtered by %s", async (_what, filter, types) => {
    expect(await typesBy(filter)).toEqual(types);
  });

  test("is filtered by tenant, actor and a window of time, exactly", async () => {
    const { nodes } = await list();
    const { tenant } = await ask('{ tenant(by: { slug: "audited" }) { id } }');
    const about = ["TENANT_LOCKED", "TENANT_PROVISION_REQUESTED"];
    expect(await typesBy({ tenantId: tenant.id })).toEqual(about);
    const [locked] = (await list({ types: ["TENANT_LOCKED"] })).nodes;
    const { id } = locked.actor;
    expect(await typesBy({ actorId: id })).toEqual([...about, "SIGNED_IN"]);
    const since = await list({ since: locked.at });
    expect(since.nodes).toEqual(nodes.filter(({ at }: { at: string }) => at >= locked.at));
    const until = await list({ until: locked.at });
    expect(until.nodes).toEqual(nodes.filter(({ at }: { at: string }) => at < locked.at));
    expect(since.totalCount + until.totalCount).toBe(nodes.length);
  });
});
