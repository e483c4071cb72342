import { ident, literal } from "../database/sql.ts";
import type { TenantNames } from "../tenants/names.ts";
import type { Step } from "./multi-query.ts";
import { fileAsOwner, originsOf, type StepsOfFile } from "./owner-steps.ts";
import type { PlacedStatement } from "./placed-file.ts";

/**
 * A file's statements for a schema that Citus has placed on a node. Citus takes a table there when the
 * client's own statement makes it, and overlooks one that is made behind the wall (`openAsOwner`). So
 * each statement that makes a table ends its call, and a statement that brings nothing of the file along
 * makes Citus look at the table: `CREATE TABLE IF NOT EXISTS` of one that exists.
 */
export const fileOnNode: StepsOfFile = (names, file, limits) => [
  ...fileAsOwner(names, file, limits, (statement) => {
    const table = tableMadeBy(statement);
    const made = `create table if not exists ${ident(names.schema)}.${ident(table ?? "")} ()`;
    const origins = originsOf({ name: file.name, statements: [statement] });
    return table === null ? [] : [{ sql: made, origins }];
  }),
  { ...refuseLooseTables(names), origins: originsOf(file).slice(0, 1) },
];

/** The table that a statement makes; null where it makes none that Citus has to place. */
const tableMadeBy = ({ kind, table }: PlacedStatement): string | null =>
  kind === "InsertStmt" ? null : table;

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
