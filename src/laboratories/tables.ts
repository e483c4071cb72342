import type { ClientBase } from "pg";
import type { Ask } from "../tenant-schemas/as-owner.ts";

// A schema may have tables called organization and laboratory that are somebody else's. What tells
// them apart is whether their columns can take the rows that we add.

type Table = "organization" | "laboratory";
const TABLES: readonly Table[] = ["organization", "laboratory"];

/** A column of one of the two, or of a view of that name. */
interface Column {
  readonly relation: string;
  /** Whether rows can be added: no view. */
  readonly isTable: boolean;
  readonly guarded: boolean;
  /** With its table: `laboratory.name`. */
  readonly name: string;
  /** TEXT, TEXTS (an array of them) or another one. */
  readonly sort: string;
  /** The type's number in the catalog. */
  readonly type: string;
  /** Whether a row needs a value for it. */
  readonly required: boolean;
  /** Whether it takes values: none that is computed. */
  readonly writable: boolean;
}

/** What statements do with the tables, by the names of columns. */
export interface Use {
  readonly read: readonly string[];
  readonly written: readonly string[];
}

/** What is known of an organization when it is added. */
export const ORGANIZATION_COLUMNS = [
  ...["name", "slug", "setup_name", "region", "vertical", "states", "time_zone"],
  ...["support_email", "support_phone"],
];

/** Adding an organization with its first laboratory, as provisioning does. */
export const ADD_BOTH: Use = {
  read: ["organization.id", "laboratory.id"],
  written: [
    ...ORGANIZATION_COLUMNS.map((column) => `organization.${column}`),
    ...["laboratory.organization_id", "laboratory.name"],
  ],
};

/** Adding a laboratory to an organization that is there. */
export const ADD_LABORATORY: Use = {
  read: ["organization.id", "organization.name", "organization.setup_name"],
  written: ["laboratory.id", "laboratory.organization_id", "laboratory.name"],
};

/** The columns as one jsonb, of the schema whose oid the SQL expression answers. */
const columnsIn = (schema: string): string => `(
  select coalesce(jsonb_agg(jsonb_build_object(
    'relation', c.relname, 'isTable', c.relkind in ('r', 'p'), 'guarded', c.relrowsecurity,
    'name', c.relname || '.' || a.attname, 'type', a.atttypid::text,
    'sort', case when t.typcategory = 'S' then 'TEXT' when e.typcategory = 'S' then 'TEXTS' end,
    'required', a.attnotnull and not a.atthasdef and a.attidentity = '',
    'writable', a.attgenerated = '') order by c.relname desc, a.attnum), '[]')
  from pg_catalog.pg_class c
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join pg_catalog.pg_type e on e.oid = t.typelem and t.typcategory = 'A'
  where c.relnamespace = ${schema} and c.relname in ('organization', 'laboratory')
    and c.relkind in ('r', 'p', 'v', 'm', 'f'))`;

/** Why the tenant's schema does not serve for this; null where it does. */
export async function whyUnfit(ask: Ask, use: Use): Promise<string | null> {
  const here = "(select oid from pg_namespace where nspname = current_schema())";
  return unfit((await ask<Column[]>(`select ${columnsIn(here)}`)) ?? [], use);
}

/**
 * Why schemas hold no organizations that the admin could look at, by schema; null for those that do.
 * What a policy of the tenant's would look through is left out: nothing of a tenant runs as the admin.
 */
export async function whyNotCounted(
  client: ClientBase,
  schemas: readonly string[],
): Promise<Map<string, string | null>> {
  const { rows } = await client.query<{ schema: string; columns: Column[] }>(
    `select n.nspname as schema, ${columnsIn("n.oid")} as columns
     from pg_catalog.pg_namespace n where n.nspname = any($1)`,
    [schemas],
  );
  return new Map(
    rows.map(({ schema, columns }) => [schema, unfit(columns, ADD_BOTH) ?? guard(columns)]),
  );
}

function guard(columns: readonly Column[]): string | null {
  const guarded = columns.find((column) => column.guarded);
  return guarded === undefined ? null : `${guarded.relation} has row level security`;
}

/** Why rows cannot be read and added so, in a sentence about the schema; null where they can. */
function unfit(columns: readonly Column[], { read, written }: Use): string | null {
  if (columns.length === 0) return `it has no tables ${TABLES.join(" and ")}`;
  const other = columns.find(({ isTable }) => !isTable);
  if (other !== undefined) return `${other.relation} is no table there`;
  const byName = new Map(columns.map((column) => [column.name, column]));
  const used = [...read, ...written];
  const missing = used.filter((name) => !byName.has(name));
  if (missing.length > 0) return `it has no ${missing.join(", ")}`;
  const odd = used.find((name) => !fits(byName, name, written));
  if (odd !== undefined) return `${odd} is of another kind there`;
  const filled = TABLES.filter((table) => written.some((name) => name.startsWith(`${table}.`)));
  const more = columns
    .filter(({ relation, required }) => required && filled.some((table) => table === relation))
    .map(({ name }) => name)
    .filter((name) => !written.includes(name));
  return more.length > 0 ? `a row there also needs ${more.join(", ")}` : null;
}

function fits(
  byName: ReadonlyMap<string, Column>,
  name: string,
  written: readonly string[],
): boolean {
  const column = byName.get(name);
  if (column === undefined || (written.includes(name) && !column.writable)) return false;
  if (name.endsWith(".id")) return true;
  if (name === "laboratory.organization_id")
    return column.type === byName.get("organization.id")?.type;
  return column.sort === (name === "organization.states" ? "TEXTS" : "TEXT");
}
