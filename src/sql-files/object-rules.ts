import { stringsOf } from "./qualified-names.ts";
import { firstWords } from "./settings.ts";
import type { ParsedStatement } from "./sql-file.ts";
import { notAllowed, PUBLICATION, pass, RUN, refuse, type Verdict } from "./verdict.ts";

/** Kinds of objects that lie in a schema, for the statements that serve every kind. */
const IN_SCHEMA = new Set([
  ...["TABLE", "INDEX", "SEQUENCE", "VIEW", "MATVIEW", "COLUMN", "TABCONSTRAINT", "DOMCONSTRAINT"],
  ...["TRIGGER", "RULE", "POLICY", "TYPE", "DOMAIN", "ATTRIBUTE", "COLLATION", "STATISTIC_EXT"],
  ...["FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE", "OPERATOR", "CAST", "DEFAULT"],
  ...["TSCONFIGURATION", "TSDICTIONARY"],
]);

/** What becomes of DROP, COMMENT, RENAME and CREATE of the kinds that share one statement. */
export function objectVerdict(
  { kind, fields, text }: ParsedStatement,
  homes: readonly string[],
): Verdict {
  const type = fields.removeType ?? fields.objtype ?? fields.renameType ?? fields.kind;
  const related = String(type ?? "").replace(/^OBJECT_/, "");
  if (IN_SCHEMA.has(related)) return RUN;
  const label = firstWords(text, 2);
  if (related === "EXTENSION" && kind !== "RenameStmt")
    return pass("extensions belong to the operator, and serve other tenants too");
  if (related === "DATABASE" && kind === "CommentStmt")
    return pass("the database is not the tenant's");
  if (related === "PUBLICATION") return refuse(PUBLICATION, []);
  if (related !== "SCHEMA") return notAllowed(label);
  const named = stringsOf(fields.objects) ??
    stringsOf([fields.object]) ?? [String(fields.subname ?? "")];
  if (named.some((name) => homes.includes(name)))
    return kind === "CommentStmt"
      ? pass("the comment of the tenant's schema is its mark")
      : notAllowed(`${label} ${named.join(", ")}`);
  // Where no file creates it, there is nothing to drop.
  const optional = kind === "DropStmt" && fields.missing_ok === true;
  const why = `${label} ${named.join(", ")} is not allowed in a tenant migration`;
  return { ...refuse(why, named), optional };
}

/** What becomes of a GRANT or REVOKE; absent roles are left out when it is rendered. */
export function grantVerdict({ fields, text }: ParsedStatement, homes: readonly string[]): Verdict {
  const type = String(fields.objtype ?? "").replace(/^OBJECT_/, "");
  const named = stringsOf(fields.objects) ?? [];
  if (fields.targtype === "ACL_TARGET_ALL_IN_SCHEMA") return allInSchemaVerdict(named, homes);
  if (IN_SCHEMA.has(type)) return RUN;
  const label = `${firstWords(text, 1)} on ${type.toLowerCase()} ${named.join(", ")}`;
  if (type === "DATABASE")
    return pass("who may connect to a tenant database is decided by Tenantry");
  if (type === "LANGUAGE") return pass("languages belong to the operator");
  if (type !== "SCHEMA") return notAllowed(label);
  if (named.every((name) => homes.includes(name))) {
    return pass("rights on the tenant's schema are its owner's and its application's");
  }
  return refuse(
    `${label} is not allowed in a tenant migration`,
    named.filter((name) => !homes.includes(name)),
  );
}

function allInSchemaVerdict(named: readonly string[], homes: readonly string[]): Verdict {
  const foreign = named.filter((name) => !homes.includes(name));
  if (foreign.length === 0) return RUN;
  return refuse(`GRANT on all objects of the schema "${foreign[0]}" is not allowed`, foreign);
}
