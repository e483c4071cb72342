import type pg from "pg";
import { describeRows, describeSchemas } from "../../src/tenant-schemas/describe-schemas.ts";
import type { MigrationFolder } from "../../src/tenant-schemas/migration-folder.ts";
import type { TenantNames } from "../../src/tenants/names.ts";

const TENANT = "$tenant";

/** The tables that tools keep for themselves, with what each tool gives them. */
const LEDGERS = /schema_migrations|_sqlx_migrations|_prisma_migrations/;

/** What a tenant's schemas hold, owners and rights aside. */
export async function describeTenant(
  client: pg.Client,
  names: TenantNames,
  folder: MigrationFolder,
): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select nspname as name from pg_catalog.pg_namespace
     where nspname = $1 or current_database() = $2 and pg_catalog.pg_get_userbyid(nspowner) = $3`,
    [names.schema, names.database, names.ownerRole],
  );
  const own = rows.map(({ name }) => name);
  const native = own.includes("public");
  const schemas = own
    .filter((name) => !native || name !== names.schema)
    .map((name) => ({ name, label: labelOf(name, names.schema, folder) }));
  const lines = (await linesOf(client, schemas)).filter((line) => !LEDGERS.test(line));
  return comparable(lines, [native ? folder.home : names.schema], await extensionNames(client));
}

/** What a tool has made in a database of its own. */
export async function describeTool(
  client: pg.Client,
  folder: MigrationFolder,
  keeps: RegExp,
): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select nspname as name from pg_catalog.pg_namespace
     where nspname not like 'pg\\_%' and nspname <> 'information_schema'`,
  );
  const schemas = rows
    .map(({ name }) => name)
    .filter((name) => !keeps.test(name))
    .map((name) => ({ name, label: labelOf(name, null, folder) }));
  const lines = (await linesOf(client, schemas)).filter(
    (line) => !keeps.test(line) && !LEDGERS.test(line),
  );
  return comparable(lines, ["public", folder.home], await extensionNames(client));
}

/** The home schema and `public` are the tenant's; other schemas keep their names. */
function labelOf(name: string, schema: string | null, { home }: MigrationFolder): string {
  return name === schema || name === "public" || name === home ? TENANT : name;
}

const NO_ROLES = new Map<string, string>();

async function linesOf(
  client: pg.Client,
  schemas: readonly { readonly name: string; readonly label: string }[],
): Promise<string[]> {
  return [
    ...(await describeSchemas(client, { schemas, roles: NO_ROLES })),
    ...(await describeRows(client, { schemas })),
  ];
}

/** Names of what extensions have brought, wherever they lie. */
async function extensionNames(client: pg.Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(
    `select coalesce(p.proname, t.typname, o.oprname, c.opcname)::text as name
     from pg_depend d
     left join pg_proc p on d.classid = 'pg_proc'::regclass and p.oid = d.objid
     left join pg_type t on d.classid = 'pg_type'::regclass and t.oid = d.objid
     left join pg_operator o on d.classid = 'pg_operator'::regclass and o.oid = d.objid
     left join pg_opclass c on d.classid = 'pg_opclass'::regclass and c.oid = d.objid
     where d.deptype = 'e'`,
  );
  return new Set(rows.map(({ name }) => name));
}

/**
 * Lines that can be compared between a tenant and a tool's database: without owners and rights, with
 * one name for the home schema, also in bodies and paths, and one for where extensions lie.
 */
function comparable(
  lines: readonly string[],
  homes: readonly string[],
  extensions: ReadonlySet<string>,
): string[] {
  const words = [...homes, "public"].map((home) => home.replace(/\W/g, "\\$&")).join("|");
  const home = new RegExp(`"(${words})"|\\b(${words})\\b`, "g");
  return lines
    .filter((line) => !/^(owner|grant) /.test(line))
    .map((line) =>
      line
        .replace(home, TENANT)
        .replace(/\$tenant\.("?)([\w<>=~!@#%^&|`?+*/-]+)\1/g, (whole, _, name: string) =>
          extensions.has(name) ? `ext.${name}` : whole,
        )
        .replaceAll(
          /(set search_path\s*=\s*"?)([^\n]*)/g,
          (_, head: string, path: string) => head + path.replaceAll(`, ext`, ""),
        ),
    )
    .toSorted();
}

/** What stands in one list only. */
export function differences(
  name: string,
  ours: readonly string[],
  others: readonly string[],
): string[] {
  const [left, right] = [new Set(ours), new Set(others)];
  return [
    ...ours.filter((line) => !right.has(line)).map((line) => `not in ${name}: ${line}`),
    ...others.filter((line) => !left.has(line)).map((line) => `only in ${name}: ${line}`),
  ];
}
