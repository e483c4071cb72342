import { namesOfTree } from "./qualified-names.ts";
import type { ParsedStatement } from "./sql-file.ts";
import type { Verdict } from "./verdict.ts";

type Node = Readonly<Record<string, unknown>>;

/**
 * Whether a statement may stand in a seed file: an INSERT that adds nothing the second time, or a SELECT
 * that sets sequences behind the ids that are there. Names are those of the tenant schema.
 *
 * @param homes what the tenant's schema is called in the file
 */
export function seedVerdict(statement: ParsedStatement, homes: readonly string[]): Verdict {
  const why = seedRefusal(statement, homes);
  return why === undefined ? { kind: "RUN", setting: null } : { kind: "REFUSE", why, needs: null };
}

function seedRefusal(
  { kind, fields }: ParsedStatement,
  homes: readonly string[],
): string | undefined {
  const why = kind === "SelectStmt" ? setvalRefusal(fields, homes) : insertRefusal(kind, fields);
  if (why !== undefined) return why;
  const { fault, schemas } = namesOfTree(fields, homes);
  const [foreign] = schemas;
  return (
    fault ??
    (foreign === undefined ? fault : `names qualified with a schema are not allowed: "${foreign}"`)
  );
}

const insertRefusal = (kind: string, fields: Node): string | undefined =>
  kind !== "InsertStmt" ? ONLY : isRepeatable(fields) ? undefined : REPEATABLE;

const REPEATABLE =
  "an INSERT of a seed needs ON CONFLICT DO NOTHING or SELECT … WHERE NOT EXISTS, so that it can be repeated";
const ONLY = "only INSERT and SELECT setval(…) are allowed in a seed file";

function isRepeatable(fields: Node): boolean {
  const conflict = fields.onConflictClause as { action?: string } | undefined;
  if (conflict?.action === "ONCONFLICT_NOTHING") return true;
  const source = (fields.selectStmt as { SelectStmt?: { whereClause?: unknown } } | undefined)
    ?.SelectStmt;
  return NOT_EXISTS.test(JSON.stringify(source?.whereClause ?? null));
}

/** `NOT EXISTS (…)` as PostgreSQL's grammar writes it. */
const NOT_EXISTS =
  /"BoolExpr":\{"boolop":"NOT_EXPR","args":\[\{"SubLink":\{"subLinkType":"EXISTS_SUBLINK"/;

/** Only calls of setval, without what writes (a WITH clause, INTO) or hides a further SELECT (UNION). */
function setvalRefusal(select: Node, homes: readonly string[]): string | undefined {
  if (select.withClause || select.intoClause || select.larg) return ONLY;
  const targets = listOf(select.targetList).map((target) =>
    nodeOf(nodeOf(target, "ResTarget").val),
  );
  const readsTable = JSON.stringify(select).includes('"RangeVar"');
  const refusals = targets.map((target) =>
    callRefusal(nodeOf(target, "FuncCall"), readsTable, homes),
  );
  return targets.length === 0 ? ONLY : refusals.find((refusal) => refusal !== undefined);
}

function callRefusal(
  call: Node,
  readsTable: boolean,
  homes: readonly string[],
): string | undefined {
  const name = listOf(call.funcname).map((part) => nodeOf(part, "String").sval);
  if (!["setval", "pg_catalog.setval"].includes(name.join("."))) return ONLY;
  const [sequence, value] = listOf(call.args);
  if (!readsTable || !FROM_ROWS.test(JSON.stringify(value ?? null)))
    return "setval in a seed takes its value from a table, as (select max(id) from t): the second time it would go back to a constant";
  const text = textOf(sequence) ?? textOf(serialTableOf(sequence));
  if (text === undefined)
    return "setval in a seed names its sequence in a text, or by pg_get_serial_sequence('table', 'column')";
  if (!ONE_NAME.test(homes.reduce((name, home) => name.replace(`${home}.`, ""), text)))
    return `names qualified with a schema are not allowed: "${text}"`;
  return undefined;
}

/** A column, or `count(*)`. */
const FROM_ROWS = /"ColumnRef":|"agg_star":true/;
/** A name of one part, as PostgreSQL reads it in a text. */
const ONE_NAME = /^\s*([^".]+|"([^"]|"")+")\s*$/;

/** The table in `pg_get_serial_sequence('table', 'column')`. */
function serialTableOf(node: unknown): unknown {
  const call = nodeOf(node, "FuncCall");
  const name = nodeOf(listOf(call.funcname).at(-1), "String").sval;
  return name === "pg_get_serial_sequence" ? listOf(call.args)[0] : undefined;
}

/** The text of a constant, also of one with a cast behind it: `'t_id_seq'::regclass`. */
function textOf(node: unknown): string | undefined {
  const cast = nodeOf(node, "TypeCast");
  if (cast.arg !== undefined) return textOf(cast.arg);
  const { sval } = nodeOf(nodeOf(node, "A_Const").sval);
  return typeof sval === "string" ? sval : undefined;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The node itself, or what it is where it is of this kind; otherwise one without fields. */
function nodeOf(value: unknown, kind?: string): Node {
  if (typeof value !== "object" || value === null) return {};
  const node = value as Node;
  return kind === undefined ? node : nodeOf(node[kind]);
}
