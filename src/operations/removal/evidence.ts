import type { ClientBase } from "pg";
import { z } from "zod";
import type { EntityManager } from "../../database/orm.ts";
import { type Described, describedObject } from "../../kernel/described.ts";
import { isDomainError } from "../../kernel/domain-error.ts";
import { bytesOnNodes } from "../../tenant-schemas/citus.ts";
import { databaseHeld, schemaHeld } from "../../tenant-schemas/holders.ts";
import { findLeftovers } from "../../tenant-schemas/leftovers.ts";
import { schemasOf } from "../../tenant-schemas/own-schemas.ts";
import { countTables } from "../../tenant-schemas/verify-tenant-schema.ts";
import type { TenantNames } from "../../tenants/names.ts";
import { OperationEntity } from "../engine/operation.entity.ts";
import { inSharedDatabase, inTenantDatabase } from "../site/databases.ts";
import { hasOwnDatabase } from "../site/site.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import type { TenantRun } from "../tenant-run.ts";

/** What of a tenant stood before its purge. */
export const Evidence = describedObject(
  "PurgeEvidence",
  "What of a tenant stood before its purge: names and sizes, no value of anything.",
  {
    server: z.string().describe("The db server's name."),
    database: z.string().describe("The database that held the schema."),
    schema: z
      .string()
      .nullable()
      .describe("The schema's name; null where the tenant had none of its own."),
    tables: z.int().describe("How many tables it had."),
    bytes: z.int().meta({
      description: "How much of the disk the schema took, indexes included, in bytes.",
      isBig: true,
    }),
    roles: z.array(z.string()).describe("The names of its PostgreSQL roles."),
    secretName: z.string().nullable().meta({
      description:
        "The name of its secret; null where there was none, and for roles without `secret-name:read`.",
      needs: "secret-name:read",
    }),
  },
);
export type Evidence = Described<typeof Evidence>;

/** Evidence for a person. */
export const evidenceShown = ({ schema, database, server, tables, bytes }: Evidence): string =>
  `schema ${schema ?? "none"} in ${database} on ${server}: ${tables} tables, ${bytes} bytes`;

interface PurgeInput {
  readonly reason: string | null;
}
interface PurgeFacts {
  readonly evidence: Evidence;
}
type PurgeRun = TenantRun<PurgeInput, PurgeFacts>;

/**
 * Reads what a purge would remove.
 *
 * @throws DomainError E_PARTIAL_STATE naming who keeps it from being removed and does not leave by itself
 */
export async function takeEvidence(ports: TenantPorts, run: PurgeRun): Promise<Evidence> {
  const site = await run.site();
  const { server, database, names, tenant } = site;
  const secret = await ports.secrets.get(names.secret);
  const inspect = async (client: ClientBase) => {
    const held = hasOwnDatabase(site)
      ? await databaseHeld(client, names.database)
      : await schemaHeld(client, names.schema);
    if (held !== null) throw held;
    return await whatStands(client, tenant.id, names);
  };
  const found = await inTenantDatabase(ports, site, inspect).catch(async (error: unknown) => {
    // Without its own database there are still the roles.
    if (!isDomainError(error, "E_TENANT_NOT_READY")) throw error;
    return await inSharedDatabase(ports, site, inspect);
  });
  const secretName = secret?.tags.tenantId === tenant.id ? names.secret : null;
  return { server: server.name, database, ...found, secretName };
}

async function whatStands(client: ClientBase, tenantId: string, names: TenantNames) {
  const ours = (await findLeftovers(client, names, tenantId)).filter((each) => each.ours);
  const has = ours.some(({ kind }) => kind === "SCHEMA");
  return {
    schema: has ? names.schema : null,
    tables: has ? await countTables(client, names) : 0,
    bytes: has ? await sizeOf(client, names) : 0,
    roles: ours.filter(({ kind }) => kind.endsWith("_ROLE")).map(({ name }) => name),
  };
}

async function sizeOf(client: ClientBase, names: TenantNames): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(
    `select coalesce(sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::text as bytes
     from pg_catalog.pg_class c
     where c.relnamespace in ${schemasOf(names)} and c.relkind in ('r', 'm', 'S')`,
  );
  return Number(rows[0]?.bytes) + (await bytesOnNodes(client, names.schema));
}

/**
 * Takes the way back from the tenant, in the caller's transaction: OFFBOARDED, with its window ended,
 * restorable to nothing.
 *
 * @returns the evidence; that of the purge which began first, where this one goes on with its work
 */
export async function beginPurge(
  ports: TenantPorts,
  run: PurgeRun,
  em: EntityManager,
): Promise<Evidence> {
  const { id, status, offboardedFrom } = await run.tenant(em);
  const { evidence } = run.facts;
  if (evidence === undefined) throw new Error("A purge begins with its evidence");
  if (status === "OFFBOARDED" && offboardedFrom === null) {
    return (await earlierEvidence(em, id)) ?? evidence;
  }
  await em.execute(
    `update platform.tenant set status = 'OFFBOARDED', offboarded_from = null,
       purge_after = least(purge_after, date_trunc('milliseconds', now())), updated_at = ?
     where id = ?`,
    [ports.clock(), id],
  );
  run.record(em, "TENANT_PURGE_BEGUN", { reason: run.input.reason, evidence });
  return evidence;
}

async function earlierEvidence(em: EntityManager, tenantId: string): Promise<Evidence | null> {
  const earlier = await em.find(
    OperationEntity,
    { subjectId: tenantId, kind: "PURGE", state: { $in: ["FAILED", "CANCELLED"] } },
    { orderBy: { id: "asc" } },
  );
  const begun = earlier.find(({ result }) => result?.begun === true);
  return (begun?.result?.evidence as Evidence | undefined) ?? null;
}
