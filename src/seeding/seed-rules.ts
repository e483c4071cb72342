import { strayName } from "../tenant-schemas/qualified-names.ts";
import type { SqlStatement } from "../tenant-schemas/sql-file.ts";

/**
 * Why a statement may not stand in a seed file, or undefined when it may: a seed is an INSERT that
 * adds nothing the second time.
 */
export function seedRefusal({ kind, fields }: SqlStatement): string | undefined {
  if (kind !== "InsertStmt") return "only INSERT is allowed in a seed file";
  if (!isRepeatable(fields)) {
    return "an INSERT of a seed needs ON CONFLICT DO NOTHING or SELECT … WHERE NOT EXISTS, so that it can be repeated";
  }
  return strayName(fields);
}

function isRepeatable(fields: SqlStatement["fields"]): boolean {
  const conflict = fields.onConflictClause as { action?: string } | undefined;
  if (conflict?.action === "ONCONFLICT_NOTHING") return true;
  const source = (fields.selectStmt as { SelectStmt?: { whereClause?: unknown } } | undefined)
    ?.SelectStmt;
  return NOT_EXISTS.test(JSON.stringify(source?.whereClause ?? null));
}

/** `NOT EXISTS (…)` as PostgreSQL's grammar writes it. */
const NOT_EXISTS =
  /"BoolExpr":\{"boolop":"NOT_EXPR","args":\[\{"SubLink":\{"subLinkType":"EXISTS_SUBLINK"/;

/** The table that an INSERT fills. */
export const tableOf = ({ fields }: SqlStatement): string =>
  String((fields.relation as { relname?: string } | undefined)?.relname ?? "");
