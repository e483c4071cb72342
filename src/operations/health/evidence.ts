import pLimit from "p-limit";
import type { EntityManager } from "../../database/orm.ts";
import { CONNECTIONS_PER_SERVER } from "../../database/server-pools.ts";
import { isDomainError } from "../../kernel/domain-error.ts";
import { countLaboratories, type LaboratoryCount } from "../../laboratories/organizations.ts";
import { type DbServer, DbServerEntity } from "../../placement/db-server.entity.ts";
import type { ServerConnections } from "../../placement/server-connections.ts";
import type { SecretStore } from "../../secrets/secret-store.ts";
import { probeAppLogin } from "../../tenant-schemas/probe-app-login.ts";
import {
  type InvalidIndex,
  type SurveyedLedger,
  surveyInvalidIndexes,
  surveyLedgers,
} from "../../tenant-schemas/survey.ts";
import { type Check, check } from "../../tenant-schemas/verify-tenant-schema.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { readAppLogin, roleOf } from "../credentials/tenant-secret.ts";
import { siteOfTenant } from "../site/site.ts";
import type { ServerSurvey, SurveyTarget } from "./server-survey.ts";

export type ServerSurveys = ReadonlyMap<string, ServerSurvey | Error>;

/** Every server, with its shared database and those that tenants were given. */
export async function surveyTargets(
  em: EntityManager,
  tenants: readonly Tenant[],
): Promise<SurveyTarget[]> {
  const servers = await em.find(DbServerEntity, {});
  return servers.map((server: DbServer) => {
    const given = tenants.filter(({ dbServerId }) => dbServerId === server.id);
    const databases = new Set([server.tenantDatabase]);
    for (const { databaseName } of given) if (databaseName !== null) databases.add(databaseName);
    return { server, databases: [...databases] };
  });
}

/** Secrets that are asked for at a time: the store may be a service that throttles. */
export const SECRETS_AT_ONCE = 4;

/** What is known of a tenant's secret without showing it. */
export interface SecretState {
  /** Whether there is one that was made for this tenant. */
  readonly ours: boolean;
  /** The app role that it leads to; null where it is not the tenant's, or holds no connection URL. */
  readonly role: string | null;
  /** Whether it holds another value than the version that the registry has noted. */
  readonly late: boolean;
}

/** The secrets of tenants, by the tenant's id; one that the store does not answer for is left out. */
export async function readSecrets(
  secrets: SecretStore,
  tenants: readonly Tenant[],
): Promise<Map<string, SecretState>> {
  const found = new Map<string, SecretState>();
  await pLimit(SECRETS_AT_ONCE).map(tenants, async (tenant) => {
    const seen = await readSecretState(secrets, tenant).catch(() => undefined);
    if (seen !== undefined) found.set(tenant.id, seen);
  });
  return found;
}

async function readSecretState(
  secrets: SecretStore,
  { id, secretName, secretVersion: noted }: Tenant,
): Promise<SecretState> {
  const newest = await secrets.get(secretName);
  // Another tenant may bear the name by now.
  const ours = newest !== null && newest.tags.tenantId === id;
  const wanted =
    noted === null || newest === null || newest.version === noted
      ? null
      : await secrets.get(secretName, noted);
  const late = wanted !== null && (!ours || wanted.value !== newest?.value);
  return { ours, late, role: ours ? roleOf(newest) : null };
}

/** Schemas that are read in one query: few enough for the memory of the server's backend. */
const SCHEMAS_AT_ONCE = 25;

/** What is read in the tables of a tenant's schema. */
export interface Inside {
  readonly ledger: SurveyedLedger | undefined;
  readonly invalid: readonly InvalidIndex[];
  /** Undefined in a schema that has no such tables. */
  readonly laboratories: LaboratoryCount | undefined;
}

/** Reads in the schemas of the tenants that have a ledger, by the tenant's id. */
export async function surveyInside(
  servers: ServerConnections,
  targets: readonly SurveyTarget[],
  surveys: ServerSurveys,
  tenants: readonly Tenant[],
): Promise<Map<string, Inside>> {
  const found = new Map<string, Inside>();
  const known = new Map<string, SurveyedLedger>();
  const read = async ({ server, database, here }: Batch) => {
    const names = here.map(({ schemaName }) => schemaName);
    const owners = here.flatMap(({ isolation, ownerRole }) =>
      isolation === "DATABASE" ? [ownerRole] : [],
    );
    const [ledgers, laboratories, invalid] = await servers.asAdmin(
      server,
      database,
      async (client) => [
        await surveyLedgers(client, names, known),
        await countLaboratories(client, names),
        await surveyInvalidIndexes(client, names, owners),
      ],
    );
    for (const { id, schemaName, isolation } of here)
      found.set(id, {
        ledger: ledgers.get(schemaName),
        laboratories: laboratories.get(schemaName),
        // Whoever has the database for itself has every schema that was found.
        invalid: invalid.filter(({ schema }) => isolation === "DATABASE" || schema === schemaName),
      });
  };
  const ofServer = async (target: SurveyTarget) =>
    await pLimit(CONNECTIONS_PER_SERVER).map(batchesOf(target, surveys, tenants), async (batch) => {
      // What fails now is not read, which is no finding.
      await read(batch).catch(() => undefined);
    });
  await Promise.all(targets.map(ofServer));
  return found;
}

/** Tenants of one database. */
interface Batch {
  readonly server: DbServer;
  readonly database: string;
  readonly here: readonly Tenant[];
}

function batchesOf(
  { server, databases }: SurveyTarget,
  surveys: ServerSurveys,
  tenants: readonly Tenant[],
): Batch[] {
  const survey = surveys.get(server.id);
  if (survey === undefined || survey instanceof Error) return [];
  const placed = Map.groupBy(
    tenants.filter(({ dbServerId }) => dbServerId === server.id),
    ({ databaseName }) => databaseName,
  );
  return databases.flatMap((database) => {
    const schemas = survey.databases.get(database);
    if (schemas === undefined || schemas instanceof Error) return [];
    const here = (placed.get(database) ?? []).filter(
      ({ schemaName }) => schemas.get(schemaName)?.hasLedger === true,
    );
    const batches = Math.ceil(here.length / SCHEMAS_AT_ONCE);
    return Array.from({ length: batches }, (_, at) => ({
      server,
      database,
      here: here.slice(at * SCHEMAS_AT_ONCE, (at + 1) * SCHEMAS_AT_ONCE),
    }));
  });
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
    // Servers that answer nobody are findings of their own.
    if (!isDomainError(error, "E_UNAVAILABLE")) return undefined;
    return check("ROLE_LOGIN", false, error.message);
  }
}
