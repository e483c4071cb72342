import type { AstFields, ParsedStatement, SqlStatement } from "./sql-file.ts";

const WITH_CONSTRAINTS =
  /^(Create|AlterTable|CreateForeignTable|CreateTrig|CreateDomain|AlterDomain|CreateTableAs)Stmt$/;

/** Whether a statement declares a constraint that is checked at the end of a transaction. */
export const isDeferrable = ({ kind, fields }: ParsedStatement): boolean =>
  WITH_CONSTRAINTS.test(kind) &&
  /"deferrable":true|"CONSTR_ATTR_DEFERRABLE"/.test(JSON.stringify(fields));

interface Relation {
  readonly schemaname?: string;
  readonly relname?: string;
  readonly relpersistence?: string;
}

/** The table that a statement makes, if it stays, or that an INSERT fills. */
export function tableOf({ kind, fields }: ParsedStatement): string | null {
  const into = (fields.into ?? fields.intoClause) as { rel?: Relation } | undefined;
  const relation =
    kind === "CreateStmt" || kind === "InsertStmt"
      ? (fields.relation as Relation)
      : kind === "SelectStmt" || (kind === "CreateTableAsStmt" && fields.objtype === "OBJECT_TABLE")
        ? into?.rel
        : undefined;
  return relation?.relpersistence === "t" ? null : (relation?.relname ?? null);
}

/** What CREATE or DROP INDEX CONCURRENTLY is about. */
export function indexOf(
  { kind, fields }: ParsedStatement,
  homes: readonly string[],
): SqlStatement["index"] {
  const schemaOf = (schema: string | undefined) =>
    schema === undefined || homes.includes(schema) ? null : schema;
  if (kind === "IndexStmt") {
    const { relname = null, schemaname } = fields.relation as Relation;
    return { name: String(fields.idxname), table: relname, schema: schemaOf(schemaname) };
  }
  if (kind !== "DropStmt" || fields.missing_ok === true) return null;
  const parts = partsOf(fields.objects);
  const name = parts.at(-1);
  return name === undefined ? null : { name, table: null, schema: schemaOf(parts.at(-2)) };
}

/** The relation, type or function that a statement makes. */
export interface Made {
  readonly name: string;
  readonly schema: string | null;
}

export function madeBy({ kind, fields }: ParsedStatement): Made | null {
  const named: Readonly<Record<string, unknown>> = {
    CreateFunctionStmt: fields.funcname,
    CreateEnumStmt: fields.typeName,
    CreateDomainStmt: fields.domainname,
    CreateRangeStmt: fields.typeName,
    DefineStmt: fields.defnames,
  };
  const into = (fields.into ?? fields.intoClause) as { rel?: Relation } | undefined;
  const relation = (fields.relation ?? fields.typevar ?? fields.view) as Relation | undefined;
  const { relname, schemaname } =
    (/^Create(TableAs)?Stmt$|^CompositeTypeStmt$|^ViewStmt$/.test(kind) ? relation : undefined) ??
    into?.rel ??
    {};
  const parts = kind in named ? partsOf([{ List: { items: named[kind] } }]) : [];
  const name = parts.at(-1) ?? relname;
  return name === undefined ? null : { name, schema: parts.at(-2) ?? schemaname ?? null };
}

/** The procedure that a CALL calls. */
export const calledBy = ({ funccall }: AstFields): string | null =>
  lastName([{ List: { items: (funccall as AstFields | undefined)?.funcname } }]);

/** The parts of the first name of a list. */
function partsOf(objects: unknown): string[] {
  const [first] = Array.isArray(objects) ? objects : [];
  const items = (first as { List?: { items?: { String?: AstFields }[] } } | undefined)?.List?.items;
  return (items ?? []).flatMap((item) => (item.String?.sval as string | undefined) ?? []);
}

const lastName = (objects: unknown): string | null => partsOf(objects).at(-1) ?? null;
