import { createHash } from "node:crypto";

/** A node of PostgreSQL's parse tree: its fields by name. */
export type AstFields = Readonly<Record<string, unknown>>;

/** One statement of a SQL file. */
export interface SqlStatement {
  /** As written, without the comments before it and the semicolon after it. */
  readonly text: string;
  /** The line of the file on which the statement begins, counted from 1. */
  readonly line: number;
  /** PostgreSQL's name of the statement's parse node: `CreateStmt`, `InsertStmt`, … */
  readonly kind: string;
  readonly fields: AstFields;
}

/** A SQL file as PostgreSQL's own grammar reads it. */
export interface SqlFile {
  /** The file's name for people: `0001_organization.sql`. */
  readonly name: string;
  /** sha256 of the content, hexadecimal; a byte order mark and the kind of line ends do not count. */
  readonly sha256: string;
  readonly statements: readonly SqlStatement[];
}

/** A text that PostgreSQL's grammar refuses. */
export class SqlSyntaxError extends Error {
  override readonly name = "SqlSyntaxError";
  readonly line: number;

  constructor(message: string, line: number, options?: ErrorOptions) {
    super(message, options);
    this.line = line;
  }
}

/** The content without what editors and checkouts change: a byte order mark and CRLF. */
export const normaliseSql = (content: string): string =>
  content.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");

const sha256Of = (content: string): string =>
  createHash("sha256").update(content, "utf8").digest("hex");

/** The statement on one line, short enough for a message. */
export function excerptOf(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 120 ? `${line.slice(0, 117)}...` : line;
}

/** How many line ends `text` holds before `end`. */
export function linesBefore(text: string, end: number): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

const parsed = new Map<string, Promise<SqlFile>>();

/**
 * Parses a SQL file with PostgreSQL's grammar, once per process for each name and content.
 *
 * @param content as `normaliseSql` answers it
 * @throws SqlSyntaxError with the line
 */
export function parseSqlFile(name: string, content: string): Promise<SqlFile> {
  const sha256 = sha256Of(content);
  const key = `${sha256} ${name}`;
  let file = parsed.get(key);
  if (file === undefined) {
    file = parseStatements(content).then((statements) => ({ name, sha256, statements }));
    parsed.set(key, file);
  }
  return file;
}

async function parseStatements(content: string): Promise<SqlStatement[]> {
  if (content.trim() === "") return [];
  const bytes = Buffer.from(content, "utf8");
  const statements: SqlStatement[] = [];
  // The line is counted on from statement to statement: from the start each time would be quadratic.
  let countedTo = 0;
  let line = 1;
  for (const raw of (await parseTree(content)).stmts ?? []) {
    const [kind, fields] = Object.entries(raw.stmt ?? {})[0] ?? [];
    if (kind === undefined) continue;
    // Locations are bytes of UTF-8; a length that is left out means: up to the end.
    const from = raw.stmt_location ?? 0;
    const to = raw.stmt_len === undefined ? bytes.length : from + raw.stmt_len;
    const written = bytes.toString("utf8", from, to);
    const begin = skipBlank(written);
    const before = bytes.toString("utf8", countedTo, from) + written.slice(0, begin);
    line += linesBefore(before, before.length);
    const text = written.slice(begin).trimEnd();
    countedTo = from + Buffer.byteLength(written.slice(0, begin), "utf8");
    statements.push({ text, line, kind, fields: fields as AstFields });
  }
  return statements;
}

async function parseTree(content: string) {
  // A WebAssembly with a memory of its own, and an API process has no use for it.
  const { hasSqlDetails, parse } = await import("libpg-query");
  try {
    return await parse(content);
  } catch (cause) {
    if (!hasSqlDetails(cause)) throw cause;
    const position = cause.sqlDetails?.cursorPosition ?? 0;
    const characters = [...content].slice(0, position).join("");
    throw new SqlSyntaxError(cause.message, 1 + linesBefore(characters, characters.length), {
      cause,
    });
  }
}

/** The offset of the first character of `text` that is neither white space nor comment. */
function skipBlank(text: string): number {
  let at = 0;
  for (;;) {
    at += /^\s*/.exec(text.slice(at))?.[0].length ?? 0;
    if (text.startsWith("--", at)) {
      const end = text.indexOf("\n", at);
      at = end === -1 ? text.length : end + 1;
    } else if (text.startsWith("/*", at)) {
      at = endOfBlockComment(text, at);
    } else {
      return at;
    }
  }
}

/** Block comments nest in PostgreSQL. */
function endOfBlockComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text.startsWith("/*", at)) {
      depth++;
      at++;
    } else if (text.startsWith("*/", at)) {
      depth--;
      at++;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}
