/** A line of SQL. */
export interface SqlLine {
  readonly text: string;
  /** Whether it begins outside of strings, dollar-quoted bodies and block comments. */
  readonly inCode: boolean;
  /** Whether it holds anything but space and comments. */
  readonly holdsSql: boolean;
}

/** Quotes, comments, and words, so that the `$` or `e` inside a word begins nothing. */
const TOKEN =
  /--[^\n]*|\/\*|[eE]?'|"|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[\w$\u0080-\uffff]+|[^\s]/g;

/** Splits SQL into lines, as PostgreSQL's lexer would see where each of them begins. */
export function sqlLines(sql: string): SqlLine[] {
  const lines = sql.split("\n");
  const inside = new Set<number>();
  const sqlOn = new Set<number>();
  let line = 0;
  let counted = 0;
  const lineAt = (offset: number): number => {
    for (
      let at = sql.indexOf("\n", counted);
      at >= 0 && at < offset;
      at = sql.indexOf("\n", at + 1)
    ) {
      line += 1;
      counted = at + 1;
    }
    return line;
  };
  const tokens = new RegExp(TOKEN);
  for (let token = tokens.exec(sql); token !== null; token = tokens.exec(sql)) {
    const [opening] = token;
    if (opening.startsWith("--")) continue;
    const first = lineAt(token.index);
    tokens.lastIndex = endOf(sql, opening, tokens.lastIndex);
    const last = lineAt(tokens.lastIndex);
    for (let at = first + 1; at <= last; at += 1) inside.add(at);
    if (opening === "/*") continue;
    for (let at = first; at <= last; at += 1) sqlOn.add(at);
  }
  return lines.map((text, at) => ({ text, inCode: !inside.has(at), holdsSql: sqlOn.has(at) }));
}

/** The line numbers, from 1, of lines in plain code that a pattern describes. */
export const linesInCode = (sql: string, pattern: RegExp): number[] =>
  sqlLines(sql).flatMap(({ text, inCode }, at) => (inCode && pattern.test(text) ? [at + 1] : []));

/** Where what `opening` opened ends; at the end of the text when nothing closes it. */
function endOf(sql: string, opening: string, from: number): number {
  if (opening === "/*") return endOfComment(sql, from);
  if (opening === '"' || opening === "'") return endOfQuote(sql, opening, from, false);
  if (opening.length === 2 && opening.endsWith("'")) return endOfQuote(sql, "'", from, true);
  if (!opening.startsWith("$") || !opening.endsWith("$") || opening.length < 2) return from;
  const end = sql.indexOf(opening, from);
  return end < 0 ? sql.length : end + opening.length;
}

function endOfComment(sql: string, from: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = from;
  let depth = 1;
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    depth += mark[0] === "/*" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return sql.length;
}

/** A doubled quote needs no care: the second opens again what the first closed. */
function endOfQuote(sql: string, quote: string, from: number, backslashes: boolean): number {
  if (!backslashes) {
    const end = sql.indexOf(quote, from);
    return end < 0 ? sql.length : end + 1;
  }
  for (let at = from; at < sql.length; at += 1) {
    if (sql[at] === "\\") at += 1;
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return at + 1;
      at += 1;
    }
  }
  return sql.length;
}
