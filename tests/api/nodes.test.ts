import { isInterfaceType, isObjectType } from "graphql";
import { expect, test } from "vitest";
import { schema } from "../../src/api/schema.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));
const administrator = perFile(() => api.as("ADMINISTRATOR"));

/** One of each type, by which each of them is found. */
async function oneOfEach(): Promise<Record<string, string>> {
  const { operation } = await provision(world.platform, {});
  await administrator.ask(`mutation { createServiceToken(input: { name: "n", role: READONLY, expiresInDays: 1 }) {
    ... on CreateServiceTokenPayload { serviceToken { id } } ... on UserError { code message } } }`);
  const found = await administrator.ask(
    `query ($slug: String!) {
      tenant(by: { slug: $slug }) { id
        members(first: 1) { nodes { id identity { id } } } invitations(first: 1) { nodes { id } } }
      dbServers { id } auditEvents(first: 1) { nodes { id } } platformUsers(first: 1) { nodes { id } }
      serviceTokens(first: 1) { nodes { id } } signingKeys { id } }`,
    { slug: operation.subjectName },
  );
  const [member] = found.tenant.members.nodes;
  return {
    Tenant: found.tenant.id,
    TenantMember: member.id,
    Identity: member.identity.id,
    TenantInvitation: found.tenant.invitations.nodes[0].id,
    Operation: operation.id,
    DbServer: found.dbServers[0].id,
    AuditEvent: found.auditEvents.nodes[0].id,
    PlatformUser: found.platformUsers.nodes[0].id,
    ServiceToken: found.serviceTokens.nodes[0].id,
    SigningKey: found.signingKeys[0].id,
  };
}

test("everything that has an id of its own is found by it, of every type", async () => {
  const ids = await oneOfEach();
  const { nodes } = await administrator.ask(
    "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
    { ids: Object.values(ids) },
  );
  expect(nodes).toEqual(Object.entries(ids).map(([__typename, id]) => ({ __typename, id })));
  const readonly = await api.as("READONLY");
  const few = await readonly.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { __typename } }", {
    ids: Object.values(ids),
  });
  expect(few.nodes.map((node: { __typename: string } | null) => node?.__typename)).toEqual([
    ...["Tenant", undefined, undefined, undefined, "Operation", "DbServer"],
    ...[undefined, undefined, undefined, undefined],
  ]);
  const node = Object.values(schema.getTypeMap()).filter(isInterfaceType);
  const implementing = node.flatMap((type) =>
    type.name === "Node" ? schema.getPossibleTypes(type).map(({ name }) => name) : [],
  );
  expect(implementing.toSorted()).toEqual(Object.keys(ids).toSorted());
});

test("every object with an id of its own is a node, those that live within another aside", () => {
  const within = ["HealthFinding", "OperationPhase"];
  const events = ["OperationStateChanged", "PhaseProgressed", "PhaseStateChanged"];
  const others = Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .filter((type) => "id" in type.getFields())
    .filter((type) => !type.getInterfaces().some(({ name }) => name === "Node"));
  expect(others.map(({ name }) => name).toSorted()).toEqual([...within, ...events].toSorted());
});

test("one db server, service token and audit event are asked for by what names them", async () => {
  const { DbServer, ServiceToken, AuditEvent } = await oneOfEach();
  const found = await administrator.ask(
    `query ($server: ID!, $token: ID!, $event: ID!) {
      byName: dbServer(by: { name: "default" }) { id tenantCount
        tenants(first: 2, orderBy: { field: SLUG }) { totalCount nodes { slug dbServer { name } } } }
      byId: dbServer(by: { id: $server }) { name }
      serviceToken(id: $token) { name state } auditEvent(id: $event) { id }
      nobody: dbServer(by: { name: "nobody" }) { id } noToken: serviceToken(id: "x") { id }
      noEvent: auditEvent(id: "x") { id } }`,
    { server: DbServer, token: ServiceToken, event: AuditEvent },
  );
  expect(found).toMatchObject({
    byId: { name: "default" },
    serviceToken: { name: "n", state: "ACTIVE" },
    auditEvent: { id: AuditEvent },
    nobody: null,
    noToken: null,
    noEvent: null,
  });
  const { id, tenantCount, tenants } = found.byName;
  expect(id).toBe(DbServer);
  expect(tenants.totalCount).toBe(tenantCount);
  expect(tenants.nodes).toHaveLength(Math.min(2, tenantCount));
  for (const { dbServer } of tenants.nodes) expect(dbServer.name).toBe("default");
});

test("people are read page by page, from both ends", async () => {
  const { operation } = await provision(world.platform, {});
  const by = { slug: operation.subjectName };
  for (const name of ["bo", "cy", "di", "ed"]) {
    await administrator.ask(
      `mutation ($input: InviteTenantAdminInput!) { inviteTenantAdmin(input: $input) { __typename } }`,
      { input: { tenant: by, email: `${name}@${by.slug}.test` } },
    );
  }
  const read = async (list: string, page: object) => {
    const { tenant } = await administrator.ask(
      `query ($by: TenantBy!, $first: Int, $after: String, $last: Int, $before: String) { tenant(by: $by) {
        people: ${list}(first: $first, after: $after, last: $last, before: $before) {
          totalCount nodes { identity { email } mail { state } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`,
      { by, ...page },
    );
    return tenant.people;
  };
  for (const list of ["members", "invitations"]) {
    const forward: string[] = [];
    for (let after: string | null = null, more = true; more; ) {
      const { nodes, pageInfo } = await read(list, { first: 2, after });
      forward.push(...nodes.map((node: { identity: { email: string } }) => node.identity.email));
      after = pageInfo.endCursor;
      more = pageInfo.hasNextPage;
    }
    const backward: string[] = [];
    for (let before: string | null = null, more = true; more; ) {
      const { nodes, pageInfo } = await read(list, { last: 2, before });
      backward.unshift(
        ...nodes.map((node: { identity: { email: string } }) => node.identity.email),
      );
      before = pageInfo.startCursor;
      more = pageInfo.hasPreviousPage;
    }
    const owner = `${by.slug}@acme.test`;
    expect(forward).toEqual([
      ...["ed", "di", "cy", "bo"].map((n) => `${n}@${by.slug}.test`),
      owner,
    ]);
    expect(backward).toEqual(forward);
    expect((await read(list, {})).totalCount).toBe(5);
  }
});
