import { functionVerdict, isAboutRoles } from "./function-rules.ts";
import { grantVerdict, objectVerdict } from "./object-rules.ts";
import { constantOf, namesOfTree, stringsOf } from "./qualified-names.ts";
import { firstWords, settingOf, settingVerdict } from "./settings.ts";
import type { AstFields, ParsedStatement } from "./sql-file.ts";
import { NATIVE, notAllowed, PUBLICATION, pass, RUN, refuse, type Verdict } from "./verdict.ts";

/** Parse nodes that a tenant migration may hold; whatever is not named here or below is refused. */
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
  ...["VariableSetStmt", "NotifyStmt", "CreateExtensionStmt", "TransactionStmt"],
  ...["AlterDefaultPrivilegesStmt", "AlterOwnerStmt", "AlterObjectSchemaStmt", "CreateSchemaStmt"],
  ...["AlterExtensionStmt", "ClusterStmt", "CreateRoleStmt", "DropRoleStmt", "GrantRoleStmt"],
  ...["CreatePublicationStmt", "AlterPublicationStmt"],
]);

/** Extensions that are there anyway, or that only watch a server. */
const PASSED_EXTENSIONS: Readonly<Record<string, string | null>> = {
  plpgsql: null,
  pg_stat_statements: "it watches the whole server, which is the operator's",
};

/**
 * What becomes of a statement in a tenant schema. Pure; the wall behind it is the owner role, which has
 * no rights outside its schema.
 *
 * @param homes what the tenant's schema is called in the file
 */
export function verdictOf(statement: ParsedStatement, homes: readonly string[]): Verdict {
  const { kind, fields } = statement;
  if (!ALLOWED.has(kind)) return notAllowed(labelOf(statement));
  const verdict = kindVerdict(statement, homes);
  if (verdict.kind === "PASS" || verdict.kind === "EXTENSION") return verdict;
  const { schemas, fault } = namesOfTree(fields, homes);
  if (fault !== undefined) return refuse(fault);
  if (verdict.kind === "REFUSE")
    return verdict.needs === null
      ? verdict
      : { ...verdict, needs: [...new Set([...verdict.needs, ...schemas])] };
  const [first] = schemas;
  return first === undefined
    ? verdict
    : refuse(`names qualified with a schema are not allowed: "${first}"`, schemas);
}

function kindVerdict(statement: ParsedStatement, homes: readonly string[]): Verdict {
  const { kind, fields, text } = statement;
  switch (kind) {
    case "TransactionStmt":
      return transactionVerdict(statement);
    case "VariableSetStmt":
      return setVerdict(statement, homes);
    case "SelectStmt":
      return configVerdict(fields);
    case "DoStmt":
      return isAboutRoles(fields) ? pass(ROLES) : bodyVerdict(kind, fields, homes);
    case "CreateFunctionStmt":
    case "AlterFunctionStmt":
      return bodyVerdict(kind, fields, homes);
    case "DropStmt":
    case "CommentStmt":
    case "RenameStmt":
    case "DefineStmt":
      return objectVerdict(statement, homes);
    case "GrantStmt":
      return grantVerdict(statement, homes);
    case "AlterDefaultPrivilegesStmt":
      return hasOption(fields.options, "roles")
        ? pass("tables are made by the tenant's owner role, and by no other")
        : RUN;
    case "CreateRoleStmt":
    case "DropRoleStmt":
    case "GrantRoleStmt":
      return pass(ROLES);
    case "CreatePublicationStmt":
    case "AlterPublicationStmt":
      return fields.for_all_tables === true
        ? notAllowed("a publication of all tables")
        : refuse(PUBLICATION, []);
    case "ClusterStmt":
      return fields.relation === undefined ? notAllowed("CLUSTER of all tables") : RUN;
    case "AlterOwnerStmt":
      return pass(OWNER);
    case "AlterTableStmt":
      return alterTableVerdict(fields);
    case "AlterObjectSchemaStmt":
      return moveVerdict(fields, homes);
    case "CreateSchemaStmt":
      return createSchemaVerdict(fields, homes);
    case "AlterExtensionStmt":
      return pass("extensions belong to the operator");
    case "CreateExtensionStmt":
      return extensionVerdict(statement);
    case "VacuumStmt":
      return fields.is_vacuumcmd === true ? notAllowed("VACUUM") : RUN;
    case "IndexStmt":
    case "ReindexStmt":
      return indexVerdict(kind, fields);
    default:
      return firstWords(text, 1) === "EXPLAIN" ? notAllowed("EXPLAIN") : RUN;
  }
}

const ROLES = "roles belong to the server; what is granted to one that is not there is passed over";
const OWNER = "everything in a tenant schema is owned by the tenant's owner role";

function transactionVerdict({ fields, text }: ParsedStatement): Verdict {
  if (fields.chain === true) return notAllowed(firstWords(text));
  switch (fields.kind) {
    case "TRANS_STMT_BEGIN":
    case "TRANS_STMT_START":
      return { kind: "BEGIN" };
    case "TRANS_STMT_COMMIT":
      return { kind: "COMMIT" };
    case "TRANS_STMT_PREPARE":
      return notAllowed("PREPARE TRANSACTION");
    default:
      return notAllowed(firstWords(text, 1));
  }
}

function setVerdict(statement: ParsedStatement, homes: readonly string[]): Verdict {
  const verdict = settingVerdict(statement);
  if (verdict.kind === "LEAVE") return pass(null);
  if (verdict.kind === "REFUSE") return refuse(verdict.why);
  return onPath({ kind: "RUN", setting: verdict.setting }, verdict.schemas, homes);
}

/** Entries of a search path that every tenant has. */
const KNOWN_PATH = new Set(["pg_catalog", "pg_temp", "ext", "information_schema"]);

/** The verdict on a statement whose search path names these schemas. */
function onPath(verdict: Verdict, schemas: readonly string[], homes: readonly string[]): Verdict {
  const foreign = schemas.filter((schema) => !homes.includes(schema) && !KNOWN_PATH.has(schema));
  if (foreign.length === 0) return verdict;
  const setting = verdict.kind === "RUN" ? verdict.setting : null;
  return {
    ...refuse(`a search_path with the schema "${foreign[0]}" is not allowed`, foreign),
    setting,
  };
}

interface Call {
  readonly funcname?: unknown;
  readonly args?: readonly unknown[];
}

/** `SELECT set_config('search_path', '', false)`, which dumps begin with, is a SET. */
function configVerdict(fields: AstFields): Verdict {
  const targets = (fields.targetList ?? []) as readonly {
    ResTarget?: { val?: { FuncCall?: Call } };
  }[];
  const call = targets[0]?.ResTarget?.val?.FuncCall;
  if (targets.length !== 1 || fields.fromClause !== undefined) return RUN;
  if (stringsOf(call?.funcname)?.at(-1) !== "set_config") return RUN;
  const [name, value] = (call?.args ?? []).map(constantOf);
  if (name === undefined || value === undefined) return RUN;
  const verdict = settingOf(name.toLowerCase(), value, `set_config of ${name}`);
  if (verdict.kind === "LEAVE") return pass(null);
  return verdict.kind === "SET" ? { kind: "RUN", setting: verdict.setting } : refuse(verdict.why);
}

function bodyVerdict(kind: string, fields: AstFields, homes: readonly string[]): Verdict {
  const { fault, schemas, publishes } = functionVerdict(kind, fields);
  if (fault === undefined && publishes) return refuse(PUBLICATION, schemas);
  return fault === undefined ? onPath(RUN, schemas, homes) : refuse(fault);
}

function alterTableVerdict(fields: AstFields): Verdict {
  const commands = Array.isArray(fields.cmds) ? fields.cmds : [];
  const text = JSON.stringify(commands);
  if (text.includes('"AT_SetTableSpace"')) return notAllowed("SET TABLESPACE");
  if (!text.includes('"AT_ChangeOwner"')) return RUN;
  return commands.length === 1 ? pass(OWNER) : notAllowed("OWNER TO beside other changes");
}

function moveVerdict(fields: AstFields, homes: readonly string[]): Verdict {
  if (fields.objectType === "OBJECT_EXTENSION") return pass("extensions belong to the operator");
  const schema = String(fields.newschema ?? "");
  if (homes.includes(schema)) return NATIVE;
  return refuse("objects cannot be moved to another schema", [schema]);
}

function createSchemaVerdict(fields: AstFields, homes: readonly string[]): Verdict {
  const name = String(fields.schemaname ?? "");
  if (homes.includes(name) && fields.schemaElts === undefined)
    return name === "public" ? pass(null) : NATIVE;
  if (name === "" || fields.schemaElts !== undefined)
    return notAllowed("CREATE SCHEMA with its objects or without a name");
  return refuse("CREATE SCHEMA is not allowed in a tenant migration", [name]);
}

function extensionVerdict({ fields, text }: ParsedStatement): Verdict {
  // The grammar reads CREATE LANGUAGE as CREATE EXTENSION.
  if (/\blanguage\b/i.test(text.split(/\s+/).slice(0, 5).join(" ")))
    return notAllowed("CREATE LANGUAGE");
  const name = String(fields.extname);
  const why = PASSED_EXTENSIONS[name];
  return why === undefined ? { kind: "EXTENSION", name } : pass(why);
}

function indexVerdict(kind: string, fields: AstFields): Verdict {
  const wide = kind === "ReindexStmt" && !/_(INDEX|TABLE)$/.test(String(fields.kind));
  if (wide) return notAllowed("REINDEX of a schema or database");
  if (fields.concurrent === true && !fields.idxname) {
    return refuse(
      "CREATE INDEX CONCURRENTLY needs a name here, so that a failed one can be found again",
    );
  }
  return RUN;
}

const hasOption = (options: unknown, name: string): boolean =>
  JSON.stringify(options ?? []).includes(`"defname":"${name}"`);

/** Whether the statement must run outside a transaction, where nobody else uses the schema aside. */
export function runsOutside({ kind, fields }: ParsedStatement): boolean {
  if (kind === "IndexStmt" || kind === "DropStmt") return fields.concurrent === true;
  const text = kind === "ReindexStmt" || kind === "AlterTableStmt" ? JSON.stringify(fields) : "";
  return text.includes('"defname":"concurrently"') || text.includes('"concurrent":true');
}

const LABELS: Readonly<Record<string, string>> = {
  CreateEventTrigStmt: "CREATE EVENT TRIGGER",
  AlterEventTrigStmt: "ALTER EVENT TRIGGER",
  AlterTableMoveAllStmt: "SET TABLESPACE",
  CreateForeignTableStmt: "CREATE FOREIGN TABLE",
  CreateForeignServerStmt: "CREATE SERVER",
  CreateFdwStmt: "CREATE FOREIGN DATA WRAPPER",
  CreatePLangStmt: "CREATE LANGUAGE",
  CreateUserMappingStmt: "CREATE USER MAPPING",
  PrepareStmt: "PREPARE",
  CopyStmt: "COPY",
};

const labelOf = ({ kind, text }: ParsedStatement): string => LABELS[kind] ?? firstWords(text, 2);
