import { getNullableType, isObjectType } from "graphql";
import { expect } from "vitest";
import { schema } from "../../src/api/schema.ts";
import type { TestApi } from "../kit/api.ts";
import { freshSlug } from "../kit/database.ts";
import type { TestPlatform } from "../kit/platform.ts";
import { followToEnd, provision } from "../kit/tenants.ts";
import { act, register } from "./_tenant-operations.ts";

/** Every field of the schema that answers a connection, with the type that has it. */
export const CONNECTIONS = Object.values(schema.getTypeMap())
  .filter(isObjectType)
  .flatMap((parent) => Object.values(parent.getFields()).map((field) => ({ parent, field })))
  .filter(({ field }) => String(getNullableType(field.type)).endsWith("Connection"))
  .map(({ parent, field }) => ({ list: `${parent.name}.${field.name}`, parent, field }));

/**
 * Fills every list of the API with at least three entries; needs a platform with a worker.
 *
 * @returns the id of an object of each type that has lists
 */
export async function fillLists(world: TestPlatform, api: TestApi) {
  const admin = await api.as("ADMINISTRATOR");
  const tenant = { slug: freshSlug("listed") };
  const { operation } = await provision(world.platform, tenant);
  for (const name of ["first", "second", "third"]) {
    await register(world, "ACTIVE");
    await api.as("READONLY");
    const made = await admin.ask(
      `mutation ($token: CreateServiceTokenInput!, $invite: InviteTenantAdminInput!) {
        createServiceToken(input: $token) { ... on UserError { code } }
        inviteTenantAdmin(input: $invite) { ... on UserError { code } }
      }`,
      { token: { name, role: "READONLY" }, invite: { tenant, email: `${name}@list.test` } },
    );
    expect(made).toEqual({ createServiceToken: {}, inviteTenantAdmin: {} });
  }
  for (const mutation of ["suspendTenant", "resumeTenant"]) {
    const begun = await act(admin, mutation, tenant);
    await followToEnd(world.platform, begun.operation.id);
  }
  const found = await admin.ask(
    'query ($tenant: TenantBy!) { tenant(by: $tenant) { id } dbServer(by: { name: "default" }) { id } }',
    { tenant },
  );
  return {
    Operation: operation.id,
    Tenant: found.tenant.id as string,
    DbServer: found.dbServer.id as string,
  };
}
