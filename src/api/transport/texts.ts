import { type DocumentNode, visit } from "graphql";
import { DomainError } from "../../kernel/domain-error.ts";
import { type QueryLimits, SEND_LESS, tooComplex } from "./limits.ts";

/**
 * Refuses texts that PostgreSQL cannot keep, wherever they stand in a request: those with a NUL
 * character, or with half of a surrogate pair. Nobody types them. Those that are too long for any field
 * are refused before each field looks at them.
 *
 * @throws DomainError E_VALIDATION naming the variable; E_QUERY_TOO_COMPLEX
 */
export function checkTexts(
  document: DocumentNode,
  variables: Readonly<Record<string, unknown>>,
  { text: most }: Pick<QueryLimits, "text">,
): void {
  const check = (text: string, path: readonly string[]) => {
    if (text.length > most) throw tooComplex("characters in a text", most, SEND_LESS);
    if (!isKeepable(text)) throw unkeepable(path);
  };
  for (const [name, value] of Object.entries(variables)) {
    for (const text of textsOf(value)) check(text, [name]);
  }
  visit(document, { StringValue: ({ value }) => check(value, []) });
}

const isKeepable = (text: string) => text.isWellFormed() && !text.includes("\0");

/** Every text inside a JSON value; without recursion, since a client decides how deep it is. */
function textsOf(value: unknown): string[] {
  const texts: string[] = [];
  const waiting = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === "string") texts.push(next);
    else if (typeof next === "object" && next !== null) {
      for (const inner of Object.values(next)) waiting.push(inner);
    }
  }
  return texts;
}

function unkeepable(path: readonly string[]): DomainError {
  const message = "must not hold a NUL character or half of a surrogate pair";
  return new DomainError("E_VALIDATION", {
    message: `${path[0] === undefined ? "A text" : `$${path[0]}`} ${message}`,
    issues: [{ path, message, code: "E_VALIDATION" }],
  });
}
