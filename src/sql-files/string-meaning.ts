import { NONE, type NoToken, type Token } from "./tokens.ts";

/** A call or another pair of parentheses that a token stands in. */
export interface Call {
  /** The word before the parenthesis. */
  readonly name: string;
  /** The place of the parenthesis among the tokens. */
  readonly open: number;
  /** In which argument, counted from 0. */
  argument: number;
}

/**
 * What a string constant stands for: SQL; the name of an object; a schema, maybe with its dot; the
 * entries of a search path; a pattern of schemas' names; or what only looks like them.
 */
export type Meaning = "CODE" | "NAME" | "SCHEMA" | "PATH" | "PATTERN" | "DATA";

interface Surroundings {
  readonly call: Call;
  /** Whether it is part of the text of an EXECUTE. */
  readonly dynamic: boolean;
  /** Whether it stands in the body of a function. */
  readonly body: boolean;
  readonly homes: readonly string[];
}

/** Functions that take the name of an object as a text, and in which arguments. */
const NAME_FUNCTIONS =
  /^(nextval|currval|setval|pg_get_serial_sequence|to_reg[a-z]+|pg_(total_)?relation_size|pg_table_size|pg_get_(view|function)def|col_description|has_(table|column|function|schema)_privilege)$/;

/** Columns of catalogs that hold a schema's name. */
const SCHEMA_COLUMNS =
  /^(nspname|schema_?name|(table|constraint|unique_constraint|specific|routine|trigger|event_object|sequence|udt|domain|type_udt|collation|view|udt)_schema)$/;

const SQL_START =
  /^\s*(select|insert|update|delete|create|alter|drop|grant|revoke|with|comment|truncate|do|refresh|reindex|lock|analyze|merge)\b/i;

/** Finds out by its neighbours what the string constant at a place among the tokens stands for. */
export function meaningOf(tokens: readonly Token[], at: number, around: Surroundings): Meaning {
  const { call, dynamic, body, homes } = around;
  const look = (offset: number): Token | NoToken => tokens[at + offset] ?? NONE;
  const value = look(0).value ?? "";
  const exact = homes.includes(value);
  if (isBody(tokens, at)) return "CODE";
  if (call.name === "set_config") return call.argument === 1 ? "PATH" : "DATA";
  if (call.name === "format" && call.argument > 0) return inFormat(tokens, call, value, exact);
  if (isObjectName(look, call)) return exact ? "SCHEMA" : "NAME";
  const compared = comparison(tokens, at);
  if (compared !== null) return exact ? "SCHEMA" : compared === "PATTERN" ? "PATTERN" : "DATA";
  if (exact && (dynamic || look(-1).name === "schema")) return "SCHEMA";
  const qualifier = value.endsWith(".") && homes.includes(value.slice(0, -1));
  if (qualifier && (body || look(1).name === "||")) return "SCHEMA";
  return dynamic || (body && SQL_START.test(value)) ? "CODE" : "DATA";
}

/** `AS 'body'` and `DO 'body'`. */
function isBody(tokens: readonly Token[], at: number): boolean {
  const [first] = tokens;
  const makes = tokens.slice(1, 5).some(({ name }) => name === "function" || name === "procedure");
  if (first?.name !== "do" && !(first?.name === "create" && makes)) return false;
  const before = tokens[at - 1]?.name;
  return before === "as" || before === "do" || tokens[at - 2]?.name === "language";
}

/** `'x'::regclass`, `cast('x' as regclass)`, `regclass 'x'`, and arguments of functions that take names. */
function isObjectName(look: (offset: number) => Token | NoToken, call: Call): boolean {
  const isType = (offset: number) => /^reg[a-z]+$/.test(look(offset).name ?? "");
  const cast = call.name === "cast" && look(1).name === "as" && isType(2);
  if (cast || isType(-1) || (look(1).name === "::" && isType(2))) return true;
  const last = call.name.startsWith("has_") ? 1 : 0;
  return NAME_FUNCTIONS.test(call.name) && call.argument <= last;
}

/** What the conversion of format() says that an argument goes to: `%I.` is a schema, `%L` is data. */
function inFormat(
  tokens: readonly Token[],
  { open, argument }: Call,
  value: string,
  exact: boolean,
): Meaning {
  const text = tokens[open + 1]?.value ?? "";
  let next = 0;
  for (const { index, 0: spec, 1: position, 2: kind } of text.matchAll(
    /%(?:(\d+)\$)?-?\d*([IsL%])/g,
  )) {
    if (kind === "%") continue;
    next = position === undefined ? next + 1 : Number(position);
    if (next !== argument) continue;
    const [before, after] = [text.slice(0, index), text.slice(index + spec.length)];
    const column = /(\w+)\s*=\s*$/.exec(before)?.[1] ?? "";
    const isSchema =
      after.startsWith(".") || /\bschema\s+$/i.test(before) || SCHEMA_COLUMNS.test(column);
    if (isSchema) return exact ? "SCHEMA" : "DATA";
    return kind === "s" && !exact && /^"?\w+"?\./.test(value) ? "NAME" : "DATA";
  }
  return "DATA";
}

const EQUALS = /^(=|<>|!=|in)$/;
const MATCHES = /^(like|ilike|~|!~|~\*)$/;

/** Whether a string is compared with a column of schemas' names, and how; null: it is not. */
function comparison(tokens: readonly Token[], at: number): "EQUAL" | "PATTERN" | null {
  const nameAt = (index: number) => tokens[index]?.name ?? "";
  let behind = at + 1;
  if (nameAt(behind) === "::") behind += 2;
  if (EQUALS.test(nameAt(behind)) && SCHEMA_COLUMNS.test(nameAt(behind + 1))) return "EQUAL";
  let sign = at - 1;
  let commas = 0;
  while (tokens[sign]?.value !== null || /^([(,[]|any|array)$/.test(nameAt(sign))) {
    if (tokens[sign] === undefined) return null;
    if (nameAt(sign) === ",") commas++;
    sign--;
  }
  const how = EQUALS.test(nameAt(sign)) ? "EQUAL" : MATCHES.test(nameAt(sign)) ? "PATTERN" : null;
  let column = sign - 1;
  if (nameAt(column) === "not") column--;
  if (nameAt(column) === ")") column = inRow(nameAt, column, commas);
  if (nameAt(column - 1) === "::") column -= 2;
  return SCHEMA_COLUMNS.test(nameAt(column)) ? how : null;
}

/** The place of one of the names in `(a, b)`, counted from 0, of which the end is given. */
function inRow(nameAt: (index: number) => string, end: number, count: number): number {
  let open = end;
  while (open > 0 && nameAt(open) !== "(") open--;
  return open + 1 + 2 * count;
}
