import type { ClientBase } from "pg";
import { ident, literal } from "../database/sql.ts";
import { rowsOrNone } from "../tenant-schemas/ledger.ts";
import { type Check, check } from "../tenant-schemas/verify-tenant-schema.ts";
import { whyNotCounted } from "./tables.ts";

/** How many organizations and laboratories a tenant schema holds. */
export interface LaboratoryCount {
  readonly organizations: number;
  readonly laboratories: number;
}

/**
 * Counts organizations and laboratories in several schemas, by schema, in two queries. A schema that
 * has no such tables, or somebody else's of that name, is left out (`whyNotCounted`).
 */
export async function countLaboratories(
  client: ClientBase,
  schemas: readonly string[],
): Promise<Map<string, LaboratoryCount>> {
  const looked = await whyNotCounted(client, schemas);
  const able = [...looked].filter(([, why]) => why === null).map(([schema]) => schema);
  return await countIn(client, able);
}

/**
 * Counts them in one schema.
 *
 * @returns the reason, in a sentence about the schema, where there are no such tables
 */
export async function countOrWhyNot(
  client: ClientBase,
  schema: string,
): Promise<LaboratoryCount | string> {
  const why = (await whyNotCounted(client, [schema])).get(schema);
  const count = why === null ? (await countIn(client, [schema])).get(schema) : undefined;
  return count ?? why ?? "it is not there";
}

async function countIn(
  client: ClientBase,
  schemas: readonly string[],
): Promise<Map<string, LaboratoryCount>> {
  if (schemas.length === 0) return new Map();
  const counts = schemas.flatMap((schema) =>
    ["organization", "laboratory"].map(
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
      const of = (table: string) => found.find((each) => each.table === table)?.rows ?? 0;
      return [schema, { organizations: of("organization"), laboratories: of("laboratory") }];
    }),
  );
}

/** What the only organization of a schema is called; null where there is none, several, or no such table. */
export async function organizationName(client: ClientBase, schema: string): Promise<string | null> {
  const count = await countOrWhyNot(client, schema);
  if (typeof count === "string" || count.organizations !== 1) return null;
  const rows = await rowsOrNone<{ name: string }>(
    client,
    `select name from ${ident(schema)}.organization`,
  );
  return rows[0]?.name ?? null;
}

/** Whether there is an organization, as a check of readiness; none in a schema that has no such tables. */
export async function organizationChecks(client: ClientBase, schema: string): Promise<Check[]> {
  const count = (await countLaboratories(client, [schema])).get(schema);
  if (count === undefined) return [];
  const { organizations } = count;
  const message = organizations > 0 ? `${organizations} there` : `${schema} has no organization`;
  return [check("ORGANIZATION", organizations > 0, message)];
}
