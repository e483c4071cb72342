import { RESERVED_PREFIX } from "./qualified-names.ts";
import type { AstFields } from "./sql-file.ts";

const LANGUAGES = new Set(["sql", "plpgsql"]);

/** Words in a body that change who or where the session is. */
const ESCAPES: readonly (readonly [RegExp, string])[] = [
  [/\b(set|reset)\s+((session|local)\s+)?(role|search_path)\b/i, "SET ROLE and SET search_path"],
  [/\b(set|reset)\s+((session|local)\s+)?session\s+authorization\b/i, "SET SESSION AUTHORIZATION"],
  [/\bset_config\s*\(\s*E?'(role|search_path|session_authorization)'/i, "set_config"],
  [new RegExp(`\\b${RESERVED_PREFIX}[a-z]`, "i"), `names beginning with "${RESERVED_PREFIX}"`],
];

/**
 * Why a function, procedure or DO block may not run in a tenant schema. Bodies are text to the
 * grammar, so this is the early and readable refusal only; what it cannot see, the owner role and
 * the restricted context of `owner-steps.ts` stop.
 */
export function functionRefusal(kind: string, fields: AstFields): string | undefined {
  const options = optionsOf(kind === "DoStmt" ? fields.args : (fields.options ?? fields.actions));
  const language = textOf(options.find((option) => option.defname === "language")?.arg) ?? "";
  if (kind !== "AlterFunctionStmt" && language !== "" && !LANGUAGES.has(language.toLowerCase())) {
    return `functions in the language ${language} are not allowed: use sql or plpgsql`;
  }
  if (options.some((option) => option.defname === "set")) {
    return "a SET clause of a function is not allowed: it would tie the function to one schema";
  }
  const body = textOf(options.find((option) => option.defname === "as")?.arg) ?? "";
  const found = ESCAPES.find(([pattern]) => pattern.test(withoutComments(body)));
  return found === undefined ? undefined : `${found[1]} are not allowed in a function body`;
}

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

const withoutComments = (body: string): string =>
  body.replace(/--[^\n]*/g, " ").replace(/\/\*[\s\S]*?\*\//g, " ");
