import { functionRefusal } from "./function-rules.ts";
import { strayName } from "./qualified-names.ts";
import type { AstFields, SqlStatement } from "./sql-file.ts";

/** Parse nodes that a tenant migration may hold; whatever is not named here is refused. */
const ALLOWED = new Set([
  ...["CreateStmt", "CreateTableAsStmt", "AlterTableStmt", "IndexStmt", "ReindexStmt"],
  ...["CreateEnumStmt", "AlterEnumStmt", "CompositeTypeStmt", "CreateRangeStmt", "AlterTypeStmt"],
  ...["CreateDomainStmt", "AlterDomainStmt", "CreateSeqStmt", "AlterSeqStmt", "ViewStmt"],
  ...["CreateFunctionStmt", "AlterFunctionStmt", "CreateTrigStmt", "RuleStmt", "CreateCastStmt"],
  ...["CreatePolicyStmt", "AlterPolicyStmt", "CreateStatsStmt", "AlterStatsStmt", "DefineStmt"],
  ...["AlterOperatorStmt", "AlterTSConfigurationStmt", "AlterTSDictionaryStmt"],
  ...["CommentStmt", "DropStmt", "RenameStmt", "AlterObjectDependsStmt", "GrantStmt"],
  ...["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "SelectStmt", "TruncateStmt"],
  ...["DoStmt", "CallStmt", "LockStmt", "ConstraintsSetStmt", "RefreshMatViewStmt", "VacuumStmt"],
  ...["VariableSetStmt", "NotifyStmt", "CreateExtensionStmt"],
]);

/** Kinds of objects that lie in a schema, for the statements that serve every kind. */
const IN_SCHEMA = new Set([
  ...["TABLE", "INDEX", "SEQUENCE", "VIEW", "MATVIEW", "COLUMN", "TABCONSTRAINT", "DOMCONSTRAINT"],
  ...["TRIGGER", "RULE", "POLICY", "TYPE", "DOMAIN", "ATTRIBUTE", "COLLATION", "STATISTIC_EXT"],
  ...["FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE", "OPERATOR", "CAST", "DEFAULT"],
  ...["TSCONFIGURATION", "TSDICTIONARY"],
]);

/** Settings that a migration may change for its own transaction. */
const HARMLESS_SETTINGS = new Set([
  ...["lock_timeout", "statement_timeout", "client_min_messages", "check_function_bodies"],
  ...["timezone", "datestyle", "intervalstyle", "work_mem", "maintenance_work_mem"],
  ...["synchronous_commit", "default_table_access_method", "xmloption", "jit", "row_security"],
]);

/**
 * Why a statement may not run in a tenant schema, or undefined when it may. Pure; the wall behind it
 * is the owner role, which has no rights outside its schema.
 */
export function refusalOf(statement: SqlStatement): string | undefined {
  const { kind, fields } = statement;
  if (!ALLOWED.has(kind)) return `${labelOf(statement)} is not allowed in a tenant migration`;
  return kindRefusal(statement) ?? strayName(fields);
}

function kindRefusal(statement: SqlStatement): string | undefined {
  const { kind, fields } = statement;
  switch (kind) {
    case "VariableSetStmt":
      return settingRefusal(statement);
    case "CreateFunctionStmt":
    case "AlterFunctionStmt":
    case "DoStmt":
      return functionRefusal(kind, fields);
    case "DropStmt":
    case "CommentStmt":
    case "RenameStmt":
    case "DefineStmt":
    case "GrantStmt":
      return objectRefusal(statement);
    case "AlterTableStmt":
      return alterTableRefusal(fields);
    case "CreateExtensionStmt":
      // The grammar reads CREATE LANGUAGE as CREATE EXTENSION.
      return /\blanguage\b/i.test(statement.text.split(/\s+/).slice(0, 5).join(" "))
        ? "CREATE LANGUAGE is not allowed in a tenant migration"
        : undefined;
    case "VacuumStmt":
      return fields.is_vacuumcmd === true
        ? "VACUUM is not allowed in a tenant migration"
        : undefined;
    case "IndexStmt":
    case "ReindexStmt":
      return indexRefusal(kind, fields);
    default:
      return undefined;
  }
}

function settingRefusal({ fields, text }: SqlStatement): string | undefined {
  const name = String(fields.name ?? "").toLowerCase();
  if (fields.is_local === true && HARMLESS_SETTINGS.has(name)) return undefined;
  return HARMLESS_SETTINGS.has(name) && !/^reset\b/i.test(text)
    ? `SET ${name} is not allowed in a tenant migration: use SET LOCAL`
    : `${firstWords(text)} is not allowed in a tenant migration`;
}

function objectRefusal({ kind, fields, text }: SqlStatement): string | undefined {
  if (kind === "GrantStmt" && fields.targtype !== "ACL_TARGET_OBJECT") {
    return "GRANT and REVOKE on all objects of a schema are not allowed in a tenant migration";
  }
  const type = fields.removeType ?? fields.objtype ?? fields.renameType ?? fields.kind;
  const related = String(type ?? "").replace(/^OBJECT_/, "");
  if (IN_SCHEMA.has(related)) return undefined;
  return `${firstWords(text, 2)} is not allowed in a tenant migration`;
}

function alterTableRefusal(fields: AstFields): string | undefined {
  const text = JSON.stringify(fields.cmds ?? []);
  if (text.includes('"AT_ChangeOwner"')) return "OWNER TO is not allowed in a tenant migration";
  if (text.includes('"AT_SetTableSpace"')) {
    return "SET TABLESPACE is not allowed in a tenant migration";
  }
  return undefined;
}

function indexRefusal(kind: string, fields: AstFields): string | undefined {
  const wide = kind === "ReindexStmt" && !/_(INDEX|TABLE)$/.test(String(fields.kind));
  if (wide) return "REINDEX of a schema or database is not allowed in a tenant migration";
  if (fields.concurrent === true && !fields.idxname) {
    return "CREATE INDEX CONCURRENTLY needs a name here, so that a failed one can be found again";
  }
  return undefined;
}

/** Whether the statement must run outside a transaction. */
export function runsOutside({ kind, fields }: SqlStatement): boolean {
  if (kind === "IndexStmt" || kind === "DropStmt") return fields.concurrent === true;
  const text = kind === "ReindexStmt" || kind === "AlterTableStmt" ? JSON.stringify(fields) : "";
  return text.includes('"defname":"concurrently"') || text.includes('"concurrent":true');
}

const LABELS: Readonly<Record<string, string>> = {
  CreateSchemaStmt: "CREATE SCHEMA",
  CreateEventTrigStmt: "CREATE EVENT TRIGGER",
  AlterEventTrigStmt: "ALTER EVENT TRIGGER",
  AlterDefaultPrivilegesStmt: "ALTER DEFAULT PRIVILEGES",
  AlterObjectSchemaStmt: "SET SCHEMA",
  AlterTableMoveAllStmt: "SET TABLESPACE",
  AlterOwnerStmt: "OWNER TO",
  CreateForeignTableStmt: "CREATE FOREIGN TABLE",
  CreateForeignServerStmt: "CREATE SERVER",
  CreateFdwStmt: "CREATE FOREIGN DATA WRAPPER",
  CreatePLangStmt: "CREATE LANGUAGE",
  CreateUserMappingStmt: "CREATE USER MAPPING",
  GrantRoleStmt: "GRANT or REVOKE of a role",
  PrepareStmt: "PREPARE",
  CopyStmt: "COPY",
};

function labelOf({ kind, fields, text }: SqlStatement): string {
  if (kind === "TransactionStmt") {
    return fields.kind === "TRANS_STMT_PREPARE" ? "PREPARE TRANSACTION" : firstWords(text, 1);
  }
  return LABELS[kind] ?? firstWords(text, 2);
}

function firstWords(text: string, count = 3): string {
  const words = text.match(/[a-z_]+/gi)?.slice(0, count) ?? ["this statement"];
  return words.join(" ").toUpperCase();
}
