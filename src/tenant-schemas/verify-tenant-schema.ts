import type { ClientBase } from "pg";
import { z } from "zod";
import { type Described, describedEnum, describedObject } from "../kernel/described.ts";
import { isDomainError } from "../kernel/domain-error.ts";
import type { TenantNames } from "../tenants/names.ts";
import { pendingOf, versionOf } from "./drift.ts";
import { type LedgerRow, readLedger } from "./ledger.ts";
import type { MigrationFolder } from "./migration-folder.ts";
import { schemasOf } from "./own-schemas.ts";

const CheckName = describedEnum(
  "ReadinessCheckName",
  "What is checked before a tenant counts as ready.",
  {
    SCHEMA: "The schema is there, and is the tenant's.",
    OWNERSHIP: "Everything in the schema belongs to the tenant's owner role.",
    MIGRATIONS: "By its ledger every migration of the folder is applied, and unchanged since.",
    TABLES: "The schema has any tables; which and how is not compared.",
    ROLE_LOGIN: "The application's role logs in with the stored secret.",
    SEEDS: "The tenant's seed sets are in the schema's own list of seeds.",
    ORGANIZATION:
      "The tenant's organization is there; not checked in a schema that has no such table.",
  },
);

/** One answer to "is this tenant ready?", as the API tells it. */
export const ReadinessCheck = describedObject(
  "ReadinessCheck",
  "One answer to the question whether a tenant is ready.",
  {
    name: CheckName.describe("What was checked."),
    passed: z.boolean().describe("Whether the check was passed."),
    message: z.string().meta({ description: "What was found, for people.", namesSecrets: true }),
  },
);

/** The same, with what only the log is told. */
export interface Check extends Described<typeof ReadinessCheck> {
  readonly detail: Readonly<Record<string, unknown>>;
}

export const check = (
  name: Check["name"],
  passed: boolean,
  message: string,
  detail: Check["detail"] = {},
): Check => ({ name, passed, message, detail });

/**
 * Looks whether a tenant schema is there, the owner role's, not empty, and by its ledger at the folder's
 * newest migration; the tables themselves are not compared with anything. Changes nothing, and answers
 * what is wrong instead of throwing it.
 */
export async function verifyTenantSchema(
  client: ClientBase,
  { names, folder }: { readonly names: TenantNames; readonly folder: MigrationFolder },
): Promise<VerifiedTenantSchema> {
  const ledger = await readLedger(client, names.schema);
  const tables = await countTables(client, names);
  const version = versionOf(ledger, folder.migrations);
  const summary = { tables, migrations: ledger.length, version };
  const schema = await schemaCheck(client, names);
  if (!schema.passed) return { checks: [schema], ...summary };
  const made = tables > 0 || folder.migrations.length === 0;
  const checks = [
    schema,
    await ownershipCheck(client, names),
    migrationsCheck(folder, ledger, version),
    check("TABLES", made, `${tables} tables`, { tables }),
  ];
  return { checks, ...summary };
}

async function schemaCheck(client: ClientBase, names: TenantNames): Promise<Check> {
  const { rows } = await client.query<{ owner: string; mark: string | null }>(
    `select pg_catalog.pg_get_userbyid(nspowner) as owner,
       obj_description(oid, 'pg_namespace') as mark
     from pg_catalog.pg_namespace where nspname = $1`,
    [names.schema],
  );
  const [found] = rows;
  if (found === undefined) return check("SCHEMA", false, `${names.schema} does not exist`);
  if (found.owner !== names.ownerRole) {
    return check("SCHEMA", false, `${names.schema} is owned by ${found.owner}`);
  }
  const marked = found.mark?.startsWith("tenantry:tenant=") === true;
  const text = marked ? "exists" : "does not bear the mark of a tenant";
  return check("SCHEMA", marked, `${names.schema} ${text}`);
}

/**
 * Relations, functions and types that are not the owner role's, in any schema that is. What an
 * extension has brought belongs to the extension.
 */
async function ownershipCheck(client: ClientBase, names: TenantNames): Promise<Check> {
  const { rows } = await client.query<{ name: string }>(
    `with tenant as (
       select n.oid, r.oid as owner from pg_catalog.pg_namespace n, pg_catalog.pg_roles r
       where n.oid in ${schemasOf(names)} and r.rolname = $1),
     found as (
       select relname as name, c.oid, 'pg_class'::regclass as kind from pg_catalog.pg_class c, tenant t
         where c.relnamespace = t.oid and c.relowner <> t.owner
       union all
       select proname, p.oid, 'pg_proc'::regclass from pg_catalog.pg_proc p, tenant t
         where p.pronamespace = t.oid and p.proowner <> t.owner
       union all
       select typname, y.oid, 'pg_type'::regclass from pg_catalog.pg_type y, tenant t
         where y.typnamespace = t.oid and y.typowner <> t.owner)
     select name from found where not exists (select from pg_catalog.pg_depend d
       where d.classid = found.kind and d.objid = found.oid and d.deptype in ('e', 'i'))`,
    [names.ownerRole],
  );
  const foreign = rows.map(({ name }) => name);
  return foreign.length === 0
    ? check("OWNERSHIP", true, `everything is owned by ${names.ownerRole}`)
    : check("OWNERSHIP", false, `not owned by ${names.ownerRole}: ${foreign.join(", ")}`, {
        foreign,
      });
}

function migrationsCheck(
  folder: MigrationFolder,
  ledger: readonly LedgerRow[],
  version: string | null,
): Check {
  const detail = { applied: ledger.length, version };
  try {
    const pending = pendingOf(folder, ledger).map(({ id }) => id);
    if (pending.length === 0) {
      return check("MIGRATIONS", true, `${ledger.length} migrations applied`, detail);
    }
    return check("MIGRATIONS", false, `not applied: ${pending.join(", ")}`, { ...detail, pending });
  } catch (error) {
    if (!isDomainError(error, "E_MIGRATION_DRIFT")) throw error;
    return check("MIGRATIONS", false, error.message, { ...detail, ...error.detail });
  }
}

/** What a tenant schema holds, and what was checked of it. */
export interface VerifiedTenantSchema {
  readonly checks: readonly Check[];
  /** Tables in the schema, without Tenantry's own. */
  readonly tables: number;
  readonly migrations: number;
  /** The id of the last applied migration. */
  readonly version: string | null;
}

/** Counts the tables in every schema that is the tenant's, without Tenantry's own; 0 without a schema. */
export async function countTables(client: ClientBase, names: TenantNames): Promise<number> {
  const { rows } = await client.query<{ tables: number }>(
    `select count(*)::int as tables from pg_catalog.pg_class c
     where c.relnamespace in ${schemasOf(names)} and c.relkind in ('r', 'p')
       and not c.relispartition and not starts_with(c.relname, 'tenantry_')`,
  );
  return rows[0]?.tables ?? 0;
}

/** Whether a schema of the tenant's holds a table of this name. */
export async function hasTable(
  client: ClientBase,
  names: TenantNames,
  table: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `select 1 from pg_catalog.pg_class c where c.relnamespace in ${schemasOf(names)}
       and c.relname = $1 and c.relkind in ('r', 'p')`,
    [table],
  );
  return rowCount === 1;
}
