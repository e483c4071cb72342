import { type HomeNames, homeNames } from "./home-names.ts";
import type { AstFields, NamedRole, ParsedStatement, Piece } from "./sql-file.ts";
import { placesOf, scan, type Token } from "./tokens.ts";

/** A part of a statement's text that stands for something else, in characters. */
interface Cut {
  readonly from: number;
  readonly to: number;
  readonly pieces: readonly Piece[];
}

export interface StatementPieces {
  readonly pieces: readonly Piece[];
  /** Why the home schema's name cannot be replaced somewhere, and in which line of the statement's text. */
  readonly stuck: { readonly at: number; readonly why: string } | null;
  readonly namesHome: boolean;
}

/**
 * Takes a statement apart where tenants differ: the home schema, CONCURRENTLY and roles that a server
 * may lack. `SELECT … INTO` becomes the CREATE TABLE AS that it means, since a function cannot run it.
 *
 * @param aliases where `home.x` is a column: bytes of the file
 */
export function piecesOf(
  statement: ParsedStatement,
  { homes, aliases }: { readonly homes: readonly string[]; readonly aliases: readonly number[] },
): StatementPieces {
  const { text, from } = statement;
  const place = placesOf(text);
  const here = (location: number): number => place(location - from);
  const look: Look = (part, begin = 0) => {
    const starts = aliases.map((location) => here(location) - begin);
    return homeNames(part, { homes, aliases: new Set(starts), body: false });
  };
  return around(text, look, [
    ...roleCuts(statement, here),
    ...concurrentlyCuts(statement),
    ...intoCuts(statement, look),
  ]);
}

/** Looks for the home schema in a part of the text that begins at a character of it. */
type Look = (part: string, begin?: number) => HomeNames;

/** The pieces of a text with cuts: what lies between them is looked through by itself. */
function around(text: string, look: Look, cuts: readonly Cut[]): StatementPieces {
  const pieces: Piece[] = [];
  let stuck: StatementPieces["stuck"] = null;
  let namesHome = false;
  let done = 0;
  const take = (to: number) => {
    const names = look(text.slice(done, to), done);
    if (names.stuck !== null) stuck ??= { ...names.stuck, at: names.stuck.at + done };
    namesHome ||= names.found;
    pieces.push(...names.pieces);
  };
  for (const { from, to, pieces: instead } of [...cuts].sort((a, b) => a.from - b.from)) {
    take(from);
    pieces.push(...instead);
    done = to;
  }
  take(text.length);
  return { pieces, stuck, namesHome };
}

interface RoleSpec {
  readonly roletype?: string;
  readonly rolename?: string;
  readonly location?: number;
}

/** The list of roles of a GRANT, a policy or default privileges. */
function rolesOf({ kind, fields }: ParsedStatement): RoleSpec[] {
  const list =
    kind === "GrantStmt"
      ? fields.grantees
      : kind === "AlterDefaultPrivilegesStmt"
        ? (fields.action as AstFields | undefined)?.grantees
        : kind.endsWith("PolicyStmt")
          ? fields.roles
          : undefined;
  if (!Array.isArray(list)) return [];
  return list.map((each: { RoleSpec?: RoleSpec }) => each.RoleSpec ?? {});
}

/** A role of every server that no tenant's role is a member of: a policy for it is one for nobody. */
const NOBODY = "pg_execute_server_program";

function roleCuts(statement: ParsedStatement, here: (location: number) => number): Cut[] {
  const specs = rolesOf(statement);
  const [first] = specs;
  if (first?.location === undefined || specs.every(({ rolename }) => rolename === undefined))
    return [];
  const tokens = scan(statement.text);
  const starts = specs.map(({ location = 0 }) => here(location));
  const words = starts.map((start) => tokens.find(({ from }) => from === start));
  const last = words.at(-1);
  if (last === undefined || words.some((word) => word === undefined)) return [];
  const roles = specs.map(
    ({ rolename = null }, index): NamedRole => ({ name: rolename, text: words[index]?.text ?? "" }),
  );
  const instead = statement.kind.endsWith("PolicyStmt") ? NOBODY : null;
  return [{ from: starts[0] ?? 0, to: last.to, pieces: [{ roles, instead }] }];
}

/** CONCURRENTLY, in REINDEX also as one of its options. */
function concurrentlyCuts({ text, kind, fields }: ParsedStatement): Cut[] {
  if (!/concurrently/i.test(text) || kind === "RefreshMatViewStmt" || fields.concurrent === false)
    return [];
  if (!["IndexStmt", "DropStmt", "ReindexStmt", "AlterTableStmt"].includes(kind)) return [];
  const tokens = scan(text);
  const at = tokens.findIndex(({ name, quoted }) => name === "concurrently" && !quoted);
  const word = tokens[at];
  if (word === undefined) return [];
  const [before, next] = [tokens[at - 1], tokens[at + 1]];
  // In parentheses, with them where it is the only option, otherwise with its comma.
  const alone = before?.name === "(" && next?.name === ")";
  const from = before !== undefined && (alone || before.name === ",") ? before.from : word.from;
  const to =
    alone && next
      ? next.to
      : before?.name === "(" && next?.name === ","
        ? (tokens[at + 2]?.from ?? word.to)
        : word.to;
  return [{ from, to, pieces: [{ concurrently: text.slice(from, to) }] }];
}

/** `SELECT … INTO t`: the target goes to the front, as CREATE TABLE t AS. */
function intoCuts({ text, kind, fields }: ParsedStatement, look: Look): Cut[] {
  if (kind !== "SelectStmt" || fields.intoClause === undefined) return [];
  const tokens = scan(text);
  const depths = depthsOf(tokens);
  const at = tokens.findIndex(({ name }, index) => name === "into" && depths[index] === 0);
  const into = tokens[at];
  if (into === undefined) return [];
  let next = at + 1;
  const words: string[] = [];
  while (INTO_WORDS.has(tokens[next]?.name ?? "")) words.push(tokens[next++]?.text ?? "");
  let end = next;
  while (tokens[end + 1]?.name === ".") end += 2;
  const target = text.slice(tokens[next]?.from ?? 0, tokens[end]?.to ?? 0);
  const what = words.filter((word) => word.toLowerCase() !== "table").join(" ");
  return [
    { from: 0, to: 0, pieces: [`create ${what} table `, ...look(target).pieces, " as "] },
    { from: into.from, to: tokens[end]?.to ?? into.to, pieces: [] },
  ];
}

const INTO_WORDS = new Set(["temporary", "temp", "local", "global", "unlogged", "table"]);

function depthsOf(tokens: readonly Token[]): number[] {
  let depth = 0;
  return tokens.map(({ name }) => {
    if (name === ")") depth--;
    const here = depth;
    if (name === "(") depth++;
    return here;
  });
}
