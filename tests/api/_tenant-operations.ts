import { newId } from "../../src/kernel/ids.ts";
import { DbServerEntity } from "../../src/placement/db-server.entity.ts";
import { namesOf } from "../../src/tenants/names.ts";
import { parseSlug } from "../../src/tenants/slug.ts";
import { type Tenant, TenantEntity } from "../../src/tenants/tenant.entity.ts";
import type { Answer, Caller } from "../kit/api.ts";
import { freshSlug } from "../kit/database.ts";
import { inputNaming } from "../kit/named-tenant.ts";
import type { TestPlatform } from "../kit/platform.ts";
import { NAME_RULES } from "../kit/tenant-schemas.ts";

/** The name of a mutation's input, payload or result. */
const typeOf = (mutation: string, suffix: string) =>
  `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}${suffix}`;

/** The document of a mutation that starts an operation on a tenant. */
const startDocument = (mutation: string) => `mutation ($input: ${typeOf(mutation, "Input")}!) {
  answer: ${mutation}(input: $input) {
    __typename
    ... on ${typeOf(mutation, "Payload")} {
      replayed operation { id kind state dryRun } tenant { slug status }
    }
    ... on UserError { code message retryable nextAction }
    ... on ValidationError { issues { path code } }
    ... on OperationInProgressError { operation { id } }
  }
}`;

const CLEANUP = `mutation ($input: CleanupFailedTenantsInput!) {
  answer: cleanupFailedTenants(input: $input) {
    __typename
    ... on CleanupFailedTenantsPayload {
      results { slug operation { id kind state } error { code message nextAction } }
    }
    ... on UserError { code message }
  }
}`;

const LOCK = (mutation: string) => `mutation ($input: ${typeOf(mutation, "Input")}!) {
  answer: ${mutation}(input: $input) {
    __typename
    ... on ${typeOf(mutation, "Payload")} { tenant { slug lockedAt lockReason } }
    ... on UserError { code message }
  }
}`;

/** Sends a mutation on a tenant; answers all that came, errors included. */
export async function sendAct(
  caller: Caller,
  mutation: string,
  input: Record<string, unknown>,
): Promise<Answer> {
  const lock = mutation === "lockTenant" || mutation === "unlockTenant";
  const other = lock ? LOCK(mutation) : startDocument(mutation);
  const document = mutation === "cleanupFailedTenants" ? CLEANUP : other;
  return await caller.send(document, { input: inputNaming(mutation, input) });
}

/** Sends a mutation on a tenant and answers its result; errors of the request fail the test. */
export async function act(
  caller: Caller,
  mutation: string,
  input: Record<string, unknown>,
): Promise<Answer["data"]> {
  const { data, errors } = await sendAct(caller, mutation, input);
  if (errors) throw new Error(JSON.stringify(errors));
  return data.answer;
}

/** Puts a tenant of a status into the registry, as if it had come there; nothing of it exists. */
export async function register(
  { platform }: TestPlatform,
  status: Tenant["status"],
  fields: Partial<Tenant> = {},
): Promise<string> {
  const em = platform.orm.em.fork();
  const slug = fields.slug ?? freshSlug("cell");
  const names = namesOf(parseSlug(slug), NAME_RULES);
  const server = await em.findOneOrFail(DbServerEntity, { name: "default" });
  const placed = status !== "FAILED" && status !== "PURGED";
  const now = new Date();
  await em.insert(TenantEntity, {
    id: newId(),
    slug,
    name: slug,
    status,
    isolation: "SCHEMA",
    tier: "STANDARD",
    labels: {},
    schemaName: names.schema,
    ownerRole: names.ownerRole,
    appRole: names.appRole,
    secretName: names.secret,
    dbServerId: placed ? server.id : null,
    databaseName: placed ? server.tenantDatabase : null,
    schemaVersion: null,
    migrationsApplied: 0,
    seedSets: [],
    states: [],
    timeZone: "UTC",
    adminEmail: `ada@${slug}.test`,
    region: null,
    vertical: null,
    supportEmail: null,
    supportPhone: null,
    requestedBy: null,
    failureCode: null,
    failureMessage: null,
    createdAt: now,
    updatedAt: now,
    activatedAt: null,
    lockedAt: null,
    lockReason: null,
    credentialsRotatedAt: null,
    retiringRole: null,
    retiringUntil: null,
    offboardedFrom: status === "OFFBOARDED" ? "ACTIVE" : null,
    purgeAfter: status === "OFFBOARDED" ? new Date(now.getTime() + 86_400_000) : null,
    ...fields,
  });
  return slug;
}
