import type { ClientBase } from "pg";
import { ident, literal } from "../database/sql.ts";
import { rowsOrNone } from "../tenant-schemas/ledger.ts";
import { type Check, check } from "../tenant-schemas/verify-tenant-schema.ts";
import { ORGANIZATION_COLUMNS } from "./first-laboratory.ts";

/** How many organizations and laboratories a tenant schema holds. */
export interface LaboratoryCount {
  readonly organizations: number;
  readonly laboratories: number;
}

/** What a table needs to take an organization or a laboratory as provisioning adds them. */
const COLUMNS = { organization: ORGANIZATION_COLUMNS, laboratory: ["organization_id", "name"] };
const NEEDED = Object.entries(COLUMNS).flatMap(([table, columns]) =>
  columns.map((column) => `${table}.${column}`),
);

/**
 * Counts organizations and laboratories in several schemas, by schema, in two queries. A schema that
 * has no such tables is left out: it is somebody else's, or not migrated so far. What a policy of the
 * tenant's would look through is left out, too: nothing of a tenant runs as the admin.
 */
export async function countLaboratories(
  client: ClientBase,
  schemas: readonly string[],
): Promise<Map<string, LaboratoryCount>> {
  const { rows: able } = await client.query<{ schema: string }>(
    `select n.nspname as schema from pg_catalog.pg_namespace n
     where n.nspname = any($1) and cardinality($2::text[]) = (
       select count(*) from pg_catalog.pg_class c
       join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       where c.relnamespace = n.oid and c.relkind in ('r', 'p') and not c.relrowsecurity
         and c.relname || '.' || a.attname = any($2))`,
    [schemas, NEEDED],
  );
  if (able.length === 0) return new Map();
  const counts = able.flatMap(({ schema }) =>
    Object.keys(COLUMNS).map(
      (table) => `select ${literal(schema)} as schema, ${literal(table)} as "table",
        count(*)::int as rows from ${ident(schema)}.${ident(table)}`,
    ),
  );
  const rows = await rowsOrNone<{ schema: string; table: string; rows: number }>(
    client,
    counts.join(" union all "),
  );
  const bySchema = Map.groupBy(rows, ({ schema }) => schema);
  return new Map(
    [...bySchema].map(([schema, found]) => {
      const of = (table: keyof typeof COLUMNS) =>
        found.find((each) => each.table === table)?.rows ?? 0;
      return [schema, { organizations: of("organization"), laboratories: of("laboratory") }];
    }),
  );
}

/** Whether there is an organization, as a check of readiness; none in a schema that has no such table. */
export async function organizationChecks(client: ClientBase, schema: string): Promise<Check[]> {
  const count = (await countLaboratories(client, [schema])).get(schema);
  if (count === undefined) return [];
  const { organizations } = count;
  const message = organizations > 0 ? `${organizations} there` : `${schema} has no organization`;
  return [check("ORGANIZATION", organizations > 0, message)];
}
