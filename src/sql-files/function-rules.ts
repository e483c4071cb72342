import { constantOf, HARMLESS_SETTINGS, pathOf, UNLOCK_ALL } from "./qualified-names.ts";
import { type AstFields, RESERVED_PREFIX } from "./sql-file.ts";
import { scan, type Token } from "./tokens.ts";

const LANGUAGES = new Set(["sql", "plpgsql"]);

/** What is wrong with a function, procedure or DO block, and the schemas that its search path names. */
export interface FunctionVerdict {
  readonly fault: string | undefined;
  readonly schemas: readonly string[];
  /** Whether it makes a publication. */
  readonly publishes: boolean;
}

/**
 * Looks at a function, a procedure or a DO block. Bodies are text to the grammar, so this is the early
 * and readable refusal only; what it cannot see, the owner role and the restricted context of
 * `owner-steps.ts` stop.
 */
export function functionVerdict(kind: string, fields: AstFields): FunctionVerdict {
  const options = optionsOf(kind === "DoStmt" ? fields.args : (fields.options ?? fields.actions));
  const language = textOf(options.find((option) => option.defname === "language")?.arg) ?? "";
  if (kind !== "AlterFunctionStmt" && language !== "" && !LANGUAGES.has(language.toLowerCase()))
    return faulty(`functions in the language ${language} are not allowed: use sql or plpgsql`);
  const clauses = options.filter((option) => option.defname === "set").map(clauseOf);
  const refused = clauses.find(({ fault }) => fault !== undefined);
  if (refused !== undefined) return refused;
  return {
    fault: bodyFault(bodyOf(options)),
    schemas: clauses.flatMap(({ schemas }) => schemas),
    publishes: /\bcreate\s+publication\b/i.test(bodyOf(options)),
  };
}

const faulty = (fault: string): FunctionVerdict => ({ fault, schemas: [], publishes: false });

const FINE: FunctionVerdict = { fault: undefined, schemas: [], publishes: false };

/** `SET x = y` and `SET x FROM CURRENT` of a function, which hold while it runs. */
function clauseOf({ arg }: Option): FunctionVerdict {
  const { VariableSetStmt: set } = (arg ?? {}) as { VariableSetStmt?: AstFields };
  const name = String(set?.name ?? "").toLowerCase();
  if (set?.kind === "VAR_RESET_ALL") return FINE;
  if (name === "search_path") {
    const values = Array.isArray(set?.args) ? set.args.map(constantOf) : [];
    return { ...FINE, schemas: values.flatMap((value) => pathOf(value ?? "")) };
  }
  if (HARMLESS_SETTINGS.has(name) || name.includes(".")) return FINE;
  return faulty(`SET ${name} of a function is not allowed in a tenant migration`);
}

/** Words that begin a statement which no body may hold, by their first two. */
const CLUSTER_WORDS = new Set(["role", "user", "database", "tablespace", "subscription", "system"]);

/** Tokens behind which a statement of plpgsql begins. */
const BEGINNERS = new Set([";", "begin", "then", "else", "loop", "declare", ">>"]);

/** What a body may not hold, by the statements that it consists of: words in its expressions do not count. */
function bodyFault(body: string): string | undefined {
  const tokens = tokensOf(body);
  for (const [at, token] of tokens.entries()) {
    if (token.name?.startsWith(RESERVED_PREFIX))
      return `names beginning with "${RESERVED_PREFIX}" are not allowed in a function body`;
    if (token.name === "set_config" && isEscape(tokens[at + 2]?.value))
      return `set_config of ${tokens[at + 2]?.value} is not allowed in a function body`;
    if (token.name === UNLOCK_ALL) return `${UNLOCK_ALL} is not allowed in a function body`;
    if (at === 0 || BEGINNERS.has(tokens[at - 1]?.name ?? "")) {
      const fault = statementFault(tokens.slice(at, at + 4));
      if (fault !== undefined) return fault;
    }
    if (token.name === "execute") {
      const text = tokens.slice(at + 1, at + 4).find(({ value }) => value !== null)?.value;
      const fault = statementFault(tokensOf(text ?? "").slice(0, 4));
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}

function statementFault(tokens: readonly Token[]): string | undefined {
  const words = tokens.map(({ name }) => name ?? "");
  const [first = "", second = ""] = words;
  if (first === "set" || first === "reset") {
    const rest = words.slice(1).filter((word) => word !== "local");
    const what = rest[0] === "session" && rest[1] !== "authorization" ? rest[1] : rest[0];
    if (what === "role") return "SET ROLE is not allowed in a function body";
    if (what === "session") return "SET SESSION AUTHORIZATION is not allowed in a function body";
  }
  if (/^(create|alter|drop)$/.test(first) && CLUSTER_WORDS.has(second))
    return `${first.toUpperCase()} ${second.toUpperCase()} is not allowed in a function body`;
  return undefined;
}

const isEscape = (name: string | null | undefined): boolean =>
  /^(role|session_authorization)$/i.test(name ?? "");

/** The tokens of a body; none where it is no text that the scanner reads. */
function tokensOf(body: string): Token[] {
  try {
    return scan(body);
  } catch {
    return [];
  }
}

/** Words that begin the statements of a block that makes roles where they are missing, and no more. */
const ROLE_WORDS =
  /^(begin|declare|if|else|elsif|end|exception|when|then|raise|null|grant|revoke|execute|;)$/;

/** The statement of an EXECUTE in such a block. */
const ABOUT_ROLES =
  /^\s*(grant|revoke|(create|alter|drop)\s+(role|user)|alter\s+(database|default\s+privileges))\b/i;

/** Whether a DO block does nothing but make, drop and grant roles of the server. */
export function isAboutRoles(fields: AstFields): boolean {
  const tokens = tokensOf(bodyOf(optionsOf(fields.args)));
  let makesRoles = false;
  for (const [at, { name }] of tokens.entries()) {
    if (at > 0 && !BEGINNERS.has(tokens[at - 1]?.name ?? "")) continue;
    const words = tokens.slice(at, at + 6);
    const text = words.find(({ value }) => value !== null)?.value ?? "";
    if (/^(create|alter|drop)$/.test(name ?? "") && /^(role|user)$/.test(words[1]?.name ?? ""))
      makesRoles = true;
    else if (!ROLE_WORDS.test(name ?? "")) return false;
    else if (name === "execute" && !ABOUT_ROLES.test(text)) return false;
  }
  return makesRoles;
}

/** Whether a body ends transactions, which it cannot behind the wall. */
export const commits = (fields: AstFields): boolean => {
  const tokens = tokensOf(bodyOf(optionsOf(fields.options ?? fields.args)));
  return tokens.some(
    ({ name }, at) =>
      (name === "commit" || name === "rollback") && BEGINNERS.has(tokens[at - 1]?.name ?? ""),
  );
};

const bodyOf = (options: readonly Option[]): string =>
  textOf(options.find(({ defname }) => defname === "as")?.arg) ?? "";

interface Option {
  readonly defname?: string;
  readonly arg?: unknown;
}

function optionsOf(list: unknown): Option[] {
  if (!Array.isArray(list)) return [];
  return list.map((entry: { DefElem?: Option }) => entry.DefElem ?? {});
}

/** The text of a String node, or of the first of a List of them. */
function textOf(node: unknown): string | undefined {
  const { String: string, List: list } = (node ?? {}) as {
    String?: { sval?: string };
    List?: { items?: unknown[] };
  };
  return string?.sval ?? (list?.items === undefined ? undefined : textOf(list.items[0]));
}
