import type { ClientBase } from "pg";
import { isDomainError } from "../kernel/domain-error.ts";
import type { TenantNames } from "../tenants/names.ts";
import { pendingOf, readLedger } from "./ledger.ts";
import type { MigrationFolder } from "./migration-folder.ts";

/** One answer to "is this tenant ready?". */
export interface Check {
  readonly name: "SCHEMA" | "OWNERSHIP" | "MIGRATIONS" | "TABLES" | "ROLE_LOGIN" | "SEEDS";
  readonly passed: boolean;
  /** For people: what was found. */
  readonly message: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export const check = (
  name: Check["name"],
  passed: boolean,
  message: string,
  detail: Check["detail"] = {},
): Check => ({ name, passed, message, detail });

/**
 * Looks whether a tenant schema is as the migration folder says. Changes nothing, and answers what
 * is wrong instead of throwing it.
 */
export async function verifyTenantSchema(
  client: ClientBase,
  { names, folder }: { readonly names: TenantNames; readonly folder: MigrationFolder },
): Promise<Check[]> {
  const schema = await schemaCheck(client, names);
  if (!schema.passed) return [schema];
  const summary = await summariseTenantSchema(client, names);
  const tables = check(
    "TABLES",
    summary.tables > 0 || folder.migrations.length === 0,
    `${summary.tables} tables`,
    { tables: summary.tables },
  );
  return [
    schema,
    await ownershipCheck(client, names),
    await migrationsCheck(client, names, folder),
    tables,
  ];
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

/** Kinds of relations, functions and types that are not the owner role's. */
async function ownershipCheck(client: ClientBase, names: TenantNames): Promise<Check> {
  const { rows } = await client.query<{ name: string }>(
    `with tenant as (
       select n.oid, r.oid as owner from pg_catalog.pg_namespace n, pg_catalog.pg_roles r
       where n.nspname = $1 and r.rolname = $2)
     select relname as name from pg_catalog.pg_class c, tenant t
       where c.relnamespace = t.oid and c.relowner <> t.owner
     union all
     select proname from pg_catalog.pg_proc p, tenant t
       where p.pronamespace = t.oid and p.proowner <> t.owner
     union all
     select typname from pg_catalog.pg_type y, tenant t
       where y.typnamespace = t.oid and y.typowner <> t.owner`,
    [names.schema, names.ownerRole],
  );
  const foreign = rows.map(({ name }) => name);
  return foreign.length === 0
    ? check("OWNERSHIP", true, `everything is owned by ${names.ownerRole}`)
    : check("OWNERSHIP", false, `not owned by ${names.ownerRole}: ${foreign.join(", ")}`, {
        foreign,
      });
}

async function migrationsCheck(
  client: ClientBase,
  names: TenantNames,
  folder: MigrationFolder,
): Promise<Check> {
  const ledger = await readLedger(client, names.schema);
  const detail = { applied: ledger.length, version: ledger.at(-1)?.id ?? null };
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

export interface TenantSchemaSummary {
  /** Tables in the schema, without Tenantry's own. */
  readonly tables: number;
  readonly migrations: number;
  /** The id of the last applied migration. */
  readonly version: string | null;
}

/** Counts what a tenant schema holds; zeros when it does not exist. */
export async function summariseTenantSchema(
  client: ClientBase,
  { schema }: TenantNames,
): Promise<TenantSchemaSummary> {
  const { rows } = await client.query<{ tables: number }>(
    `select count(*)::int as tables from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p') and not c.relispartition
       and not starts_with(c.relname, 'tenantry_')`,
    [schema],
  );
  const ledger = await readLedger(client, schema);
  return {
    tables: rows[0]?.tables ?? 0,
    migrations: ledger.length,
    version: ledger.at(-1)?.id ?? null,
  };
}

/** Whether the schema holds a table of this name. */
export async function hasTable(
  client: ClientBase,
  schema: string,
  table: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `select 1 from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')`,
    [schema, table],
  );
  return rowCount === 1;
}
