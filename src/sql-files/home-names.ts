import type { Piece } from "./sql-file.ts";
import { type Call, meaningOf } from "./string-meaning.ts";
import { NONE, type NoToken, quotingOf, scan, type Token } from "./tokens.ts";

/** A name of the home schema that cannot be put in another's place. */
interface Stuck {
  /** Where it stands, in characters of the text. */
  readonly at: number;
  readonly why: string;
}

export interface HomeNames {
  readonly pieces: readonly Piece[];
  readonly stuck: Stuck | null;
  /** Whether a name is qualified with it; a search path alone does not count. */
  readonly found: boolean;
}

interface Options {
  /** The names of the home schema. */
  readonly homes: readonly string[];
  /** Where a pair `home.x` is a table's alias and its column: starts in characters. */
  readonly aliases: ReadonlySet<number>;
  /** Whether the text is the body of a function, whose strings may be SQL. */
  readonly body: boolean;
}

/**
 * Finds the names that are qualified with the home schema, by the tokens of PostgreSQL's scanner: in
 * the statement itself, in the bodies of its functions, in strings that are names or SQL, and in
 * search paths. A string that is only data stays as it is.
 */
export function homeNames(text: string, options: Options): HomeNames {
  if (!mentions(text, options.homes)) return { pieces: [text], stuck: null, found: false };
  return new Search(text, options).run();
}

/** Whether a text may name one of these schemas: what does not need not be scanned. */
export function mentions(text: string, homes: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return homes.some((home) => lower.includes(home.toLowerCase()));
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly pieces: readonly Piece[];
}

class Search {
  readonly #text: string;
  readonly #options: Options;
  readonly #tokens: readonly Token[];
  readonly #edits: Edit[] = [];
  #stuck: Stuck | null = null;

  constructor(text: string, options: Options) {
    this.#text = text;
    this.#options = options;
    this.#tokens = scan(text);
  }

  run(): HomeNames {
    const calls: Call[] = [];
    let dynamic = false;
    for (let at = 0; at < this.#tokens.length; at++) {
      const { name } = this.#at(at);
      const call = calls.at(-1);
      if (name === "(") calls.push({ name: this.#at(at - 1).name ?? "", open: at, argument: 0 });
      else if (name === ")") calls.pop();
      else if (name === "," && call !== undefined) call.argument++;
      else if (name === ";" || name === "using") dynamic = false;
      else if (name === "execute") dynamic = this.#options.body && !this.#isRight(at);
      if (name === "search_path") at = this.#searchPath(at);
      else if (this.#isHome(name)) this.#name(at);
      else if (name === null || /^u&/i.test(name)) this.#string(at, call ?? NO_CALL, dynamic);
    }
    return this.#answer();
  }

  #isHome(name: string | null): boolean {
    return name !== null && this.#options.homes.includes(name);
  }

  #at(index: number): Token | NoToken {
    return this.#tokens[index] ?? NONE;
  }

  /** `EXECUTE FUNCTION` of a trigger, and the right of that name. */
  #isRight(at: number): boolean {
    const next = this.#at(at + 1).name;
    return next === "function" || next === "procedure" || next === "on" || next === ",";
  }

  #name(at: number): void {
    const token = this.#at(at);
    const [before, next] = [this.#at(at - 1), this.#at(at + 1)];
    if (before.name === "." || this.#options.aliases.has(token.from)) return;
    if (next.name === ".") {
      const named = this.#at(at + 2);
      this.#edit(token, [{ home: named.name, written: token.text }]);
    } else if (this.#followsSchema(at)) {
      this.#edit(token, [{ home: null, written: token.text }]);
    } else if (this.#options.body && isAlias(before) && this.#isQualifier()) {
      this.#stop(token.from, `"${token.text}" is the name of something else here, too`);
    }
  }

  #isQualifier(): boolean {
    return this.#tokens.some(({ name }, at) => this.#isHome(name) && this.#at(at + 1).name === ".");
  }

  /** `SCHEMA public`, also as one of a list. */
  #followsSchema(at: number): boolean {
    for (let back = at - 1; back >= 0; back -= 2) {
      if (this.#at(back).name === "schema") return true;
      if (this.#at(back).name !== ",") return false;
    }
    return false;
  }

  /** The entries of `search_path = a, 'b'`; answers the last token of it. */
  #searchPath(at: number): number {
    const sign = this.#at(at + 1).name;
    if (sign !== "=" && sign !== "to") return at;
    let last = at + 1;
    do {
      const entry = this.#at(last + 1);
      if (this.#isHome(entry.name ?? entry.value)) this.#edit(entry, [{ searchPath: entry.text }]);
      last += 2;
    } while (this.#at(last).name === ",");
    return last - 1;
  }

  #string(at: number, call: Call, dynamic: boolean): void {
    const token = this.#at(at);
    const { homes, body } = this.#options;
    if (!mentions(token.value ?? token.text, homes)) return;
    const meaning = meaningOf(this.#tokens, at, { call, dynamic, body, homes });
    if (token.value === null) {
      if (meaning !== "DATA" || this.#at(at + 1).name === ".")
        this.#stop(token.from, "write it without U& and without escapes");
      return;
    }
    const { open, close } = quotingOf(token.text);
    if (meaning === "CODE") this.#nested(token, { homes, aliases: new Set(), body: true });
    else if (meaning === "NAME") this.#nested(token, { homes, aliases: new Set(), body: false });
    else if (meaning === "PATH") this.#setConfig(at);
    else if (meaning === "PATTERN") this.#stop(token.from, "a pattern of schemas' names");
    else if (meaning === "SCHEMA") {
      const dot = token.value.endsWith(".") ? "." : "";
      const written = dot === "" ? token.value : token.value.slice(0, -1);
      this.#edit(token, [open, { home: null, written }, dot, close]);
    }
  }

  /** `set_config('search_path', 'a, b', …)`. */
  #setConfig(at: number): void {
    const token = this.#at(at);
    if (this.#at(at - 2).value?.toLowerCase() !== "search_path") return;
    const entries = (token.value ?? "").split(",").map((entry) => entry.trim());
    const { open, close } = quotingOf(token.text);
    const pieces = entries.flatMap((entry, index): Piece[] => [
      index === 0 ? "" : ", ",
      this.#isHome(entry.replace(/^"(.*)"$/, "$1")) ? { searchPath: entry } : entry,
    ]);
    this.#edit(token, [open, ...pieces, close]);
  }

  /** The names in a string that is code. */
  #nested(token: Token | NoToken, options: Options): void {
    const { open, close, write } = quotingOf(token.text);
    try {
      const { pieces, stuck } = homeNames(token.value ?? "", options);
      if (stuck !== null) this.#stop(token.from + open.length + stuck.at, stuck.why);
      const written = pieces.map((piece) => (typeof piece === "string" ? write(piece) : piece));
      if (pieces.length > 1) this.#edit(token, [open, ...written, close]);
    } catch {
      const names = this.#options.homes.map((home) => home.replace(/\W/g, "\\$&")).join("|");
      const at = new RegExp(`\\b(${names})"?\\.`, "i").exec(token.value ?? "")?.index;
      if (at !== undefined)
        this.#stop(token.from + open.length + at, "this text cannot be read as SQL");
    }
  }

  #edit({ from, to }: Token | NoToken, pieces: readonly Piece[]): void {
    this.#edits.push({ from, to, pieces });
  }

  #stop(at: number, why: string): void {
    this.#stuck ??= { at, why: `the schema's name cannot be put in another's place: ${why}` };
  }

  #answer(): HomeNames {
    const pieces: Piece[] = [];
    let done = 0;
    for (const edit of this.#edits) {
      pieces.push(this.#text.slice(done, edit.from), ...edit.pieces);
      done = edit.to;
    }
    pieces.push(this.#text.slice(done));
    const found = pieces.some((piece) => typeof piece === "object" && "home" in piece);
    return { pieces, stuck: this.#stuck, found };
  }
}

const NO_CALL: Call = { name: "", open: 0, argument: 0 };

/** What stands before a name that is given to something else: `from t public`, `as public`. */
const isAlias = ({ name, quoted }: Token | NoToken): boolean =>
  name === "as" ||
  name === ")" ||
  (name !== null && quoted) ||
  (name !== null && /^[a-z_]\w*$/.test(name) && !KEYWORDS.has(name));

/** Words behind which a name that stands by itself is no alias but a column or a value. */
const KEYWORDS = new Set([
  ...["select", "where", "and", "or", "not", "set", "by", "on", "when", "then", "else", "if"],
  ...["returning", "distinct", "column", "case", "in", "is", "into", "return", "elsif", "while"],
  ...["using", "schema", "to", "from", "grant", "public", "table", "add", "drop", "rename"],
  ...["having", "limit", "key"],
]);
