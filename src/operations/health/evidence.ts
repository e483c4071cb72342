import type { EntityManager } from "../../database/orm.ts";
import { isDomainError } from "../../kernel/domain-error.ts";
import { type DbServer, DbServerEntity } from "../../placement/db-server.entity.ts";
import type { ServerConnections } from "../../placement/server-connections.ts";
import type { SecretStore } from "../../secrets/secret-store.ts";
import { probeAppLogin } from "../../tenant-schemas/probe-app-login.ts";
import { type SurveyedLedger, surveyLedgers } from "../../tenant-schemas/survey.ts";
import { type Check, check } from "../../tenant-schemas/verify-tenant-schema.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { readAppLogin } from "../parts/tenant-secret.ts";
import { siteOfTenant } from "../parts/tenant-site.ts";
import { type ServerLook, type Sight, schemasOf } from "./look.ts";

export type Looks = ReadonlyMap<string, ServerLook | Error>;

/** Every server, with its shared database and those that tenants were given. */
export async function sightsOf(em: EntityManager, tenants: readonly Tenant[]): Promise<Sight[]> {
  const servers = await em.find(DbServerEntity, {});
  return servers.map((server: DbServer) => {
    const given = tenants.filter(({ dbServerId }) => dbServerId === server.id);
    const databases = new Set([server.tenantDatabase]);
    for (const { databaseName } of given) if (databaseName !== null) databases.add(databaseName);
    return { server, databases: [...databases] };
  });
}

/** What bears each tenant's mark, in words, by the tenant's id. */
export function markedThings(looks: Looks): Map<string, string[]> {
  const marked = new Map<string, string[]>();
  const add = (tenantId: string | null, thing: string) => {
    if (tenantId === null) return;
    const things = marked.get(tenantId) ?? [];
    marked.set(tenantId, things);
    things.push(thing);
  };
  for (const look of looks.values()) {
    if (look instanceof Error) continue;
    for (const { name, tenantId } of schemasOf(look)) add(tenantId, `schema ${name}`);
    for (const { name, tenantId } of look.own.values()) add(tenantId, `database ${name}`);
    for (const { name, tenantId } of look.roles.values()) add(tenantId, `role ${name}`);
  }
  return marked;
}

/** Secrets that are asked for at a time: the store may be a service that throttles. */
const SECRETS_AT_ONCE = 4;

/** Which tenants have a secret; one that the store does not answer for is left out. */
export async function lookForSecrets(
  secrets: SecretStore,
  tenants: readonly Tenant[],
): Promise<Map<string, boolean>> {
  const found = new Map<string, boolean>();
  const waiting = [...tenants];
  const work = async () => {
    for (let tenant = waiting.pop(); tenant !== undefined; tenant = waiting.pop()) {
      const { id, secretName } = tenant;
      const secret = await secrets.get(secretName).catch(() => undefined);
      // Another tenant may bear the name by now.
      if (secret !== undefined) found.set(id, secret !== null && secret.tags.tenantId === id);
    }
  };
  await Promise.all(Array.from({ length: SECRETS_AT_ONCE }, work));
  return found;
}

/** Ledgers that are read in one query: few enough for the memory of the server's backend. */
const LEDGERS_AT_ONCE = 25;

/** The ledgers of the tenants whose schema has one, by the tenant's id. */
export async function readLedgers(
  servers: ServerConnections,
  sights: readonly Sight[],
  looks: Looks,
  tenants: readonly Tenant[],
): Promise<Map<string, SurveyedLedger>> {
  const found = new Map<string, SurveyedLedger>();
  const ofServer = async ({ server, databases }: Sight) => {
    const look = looks.get(server.id);
    if (look === undefined || look instanceof Error) return;
    for (const database of databases) {
      const schemas = look.databases.get(database);
      if (schemas === undefined || schemas instanceof Error) continue;
      const here = tenants.filter(
        ({ dbServerId, databaseName, schemaName }) =>
          dbServerId === server.id &&
          databaseName === database &&
          schemas.get(schemaName)?.hasLedger === true,
      );
      for (let at = 0; at < here.length; at += LEDGERS_AT_ONCE) {
        const batch = here.slice(at, at + LEDGERS_AT_ONCE);
        const names = batch.map(({ schemaName }) => schemaName);
        const ledgers = await servers.asAdmin(server, database, (client) =>
          surveyLedgers(client, names),
        );
        for (const { id, schemaName } of batch) {
          const ledger = ledgers.get(schemaName);
          if (ledger !== undefined) found.set(id, ledger);
        }
      }
    }
  };
  // A server that fails now leaves its ledgers unread, which is no finding.
  await Promise.allSettled(sights.map(ofServer));
  return found;
}

/** Logs in as a tenant's application does; undefined where its place or secret is missing. */
export async function tryLogin(
  em: EntityManager,
  secrets: SecretStore,
  tenant: Tenant,
): Promise<Check | undefined> {
  try {
    return await probeAppLogin(await readAppLogin(secrets, await siteOfTenant(em, tenant)));
  } catch (error) {
    // Servers that answer nobody are told of by themselves.
    if (!isDomainError(error, "E_UNAVAILABLE")) return undefined;
    return check("ROLE_LOGIN", false, error.message);
  }
}
