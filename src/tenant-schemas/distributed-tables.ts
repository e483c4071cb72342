import { ident, literal } from "../database/sql.ts";
import type { TenantNames } from "../tenants/names.ts";
import type { Step } from "./multi-query.ts";
import { asOwner, originsOf } from "./owner-steps.ts";
import type { SqlFile, SqlStatement } from "./sql-file.ts";

/**
 * A file's statements for a schema that Citus has placed on a node. Citus takes a table there when the
 * client's own statement makes it, and overlooks one that is made behind the wall (`openAsOwner`). So
 * each statement that makes a table ends its call, and a statement that brings nothing of the file along
 * makes Citus look at the table: `CREATE TABLE IF NOT EXISTS` of one that exists.
 */
export function fileOnNode(names: Pick<TenantNames, "schema">, file: SqlFile): Step[] {
  const origins = originsOf(file);
  const steps: Step[] = [];
  let sent = 0;
  for (const [index, statement] of file.statements.entries()) {
    const table = tableMadeBy(statement);
    if (table === null && index < file.statements.length - 1) continue;
    const call = origins.slice(sent, index + 1);
    const texts = call.map(({ text }) => text);
    steps.push(asOwner(names, texts, call));
    const made = `create table if not exists ${ident(names.schema)}.${ident(table ?? "")} ()`;
    if (table !== null) steps.push({ sql: made, origins: origins.slice(index, index + 1) });
    sent = index + 1;
  }
  return [...steps, { ...refuseLooseTables(names), origins: origins.slice(0, 1) }];
}

/** The table that a statement makes; null where it makes none that Citus has to place. */
function tableMadeBy({ kind, fields }: SqlStatement): string | null {
  if (kind === "CreateStmt") return relationOf(fields.relation);
  if (kind !== "CreateTableAsStmt" || fields.objtype !== "OBJECT_TABLE") return null;
  return relationOf((fields.into as { rel?: unknown } | undefined)?.rel);
}

function relationOf(relation: unknown): string | null {
  const { relname, relpersistence } = relation as { relname?: string; relpersistence?: string };
  return relpersistence === "t" ? null : (relname ?? null);
}

/** A table of dynamic SQL stays on the coordinator, where no other table of the tenant can refer to it. */
const refuseLooseTables = ({ schema }: Pick<TenantNames, "schema">): Step => ({
  sql: `do ${literal(`declare loose pg_catalog.name;
    begin
      select c.relname into loose from pg_catalog.pg_class c
      where c.relnamespace operator(pg_catalog.=) ${literal(ident(schema))}::pg_catalog.regnamespace
        and c.relkind operator(pg_catalog.=) any ('{r,p}'::pg_catalog."char"[])
        and not exists (select from pg_catalog.pg_dist_partition p
          where p.logicalrelid operator(pg_catalog.=) c.oid)
      limit 1;
      if found then
        raise feature_not_supported using message = pg_catalog.format(
          'the table %I was not made by a CREATE TABLE of the file itself, as Citus asks', loose);
      end if;
    end`)}`,
});
