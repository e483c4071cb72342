import { hasSqlDetails, parseSync } from "libpg-query";
import { type AstFields, linesBefore, type ParsedStatement } from "./sql-file.ts";

/** A text that PostgreSQL's grammar refuses. */
export class SqlSyntaxError extends Error {
  override readonly name = "SqlSyntaxError";
  readonly line: number;

  constructor(message: string, line: number, options?: ErrorOptions) {
    super(message, options);
    this.line = line;
  }
}

/**
 * Parses a text with PostgreSQL's grammar; the module must be loaded.
 *
 * @throws SqlSyntaxError with the line
 */
export function parseStatements(content: string): ParsedStatement[] {
  if (content.trim() === "") return [];
  const bytes = Buffer.from(content, "utf8");
  const statements: ParsedStatement[] = [];
  // The line is counted on from statement to statement: from the start each time would be quadratic.
  let countedTo = 0;
  let line = 1;
  for (const raw of parseTree(content).stmts ?? []) {
    const [kind, fields] = Object.entries(raw.stmt ?? {})[0] ?? [];
    if (kind === undefined) continue;
    // Locations are bytes of UTF-8; a length that is left out means: up to the end.
    const start = raw.stmt_location ?? 0;
    const to = raw.stmt_len === undefined ? bytes.length : start + raw.stmt_len;
    const written = bytes.toString("utf8", start, to);
    const begin = skipBlank(written);
    const before = bytes.toString("utf8", countedTo, start) + written.slice(0, begin);
    line += linesBefore(before, before.length);
    const text = written.slice(begin).trimEnd();
    const from = start + Buffer.byteLength(written.slice(0, begin), "utf8");
    countedTo = from;
    statements.push({ text, line, from, kind, fields: fields as AstFields });
  }
  return statements;
}

function parseTree(content: string) {
  try {
    return parseSync(content);
  } catch (cause) {
    if (!hasSqlDetails(cause)) throw cause;
    const position = cause.sqlDetails?.cursorPosition ?? 0;
    const characters = [...content].slice(0, position).join("");
    const psql = [...content].slice(position).join("").startsWith("\\");
    const message = psql ? "a command of psql, which is no SQL" : cause.message;
    throw new SqlSyntaxError(message, 1 + linesBefore(characters, characters.length), { cause });
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
