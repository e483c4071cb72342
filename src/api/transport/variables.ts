import {
  coerceInputValue,
  type GraphQLInputType,
  type GraphQLSchema,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
  validateInputValue,
} from "graphql";
import type { FieldIssue } from "../../kernel/domain-error.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { MOST_ERRORS, plainMessage, shortMessage } from "./few-errors.ts";
import { type QueryLimits, SEND_LESS, tooComplex } from "./limits.ts";

type Variables = Readonly<Record<string, unknown>>;

/**
 * Refuses variables that hold too much, whatever their types are. Without recursion, since a client
 * decides how deep they are.
 *
 * @throws DomainError E_QUERY_TOO_COMPLEX
 */
export function checkSize(
  variables: Variables,
  { values, nesting }: Pick<QueryLimits, "values" | "nesting">,
): void {
  let level: unknown[] = [variables];
  let count = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > nesting) throw tooComplex("levels in a variable", nesting, SEND_LESS);
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value !== "object" || value === null) continue;
      for (const key in value) {
        count += 1;
        if (count > values) throw tooComplex("values in the variables", values, SEND_LESS);
        next.push((value as Variables)[key]);
      }
    }
    level = next;
  }
}

/**
 * Refuses variables that are not of their types, before the executor would: it tells of each fault with
 * the whole value, and has no code for it.
 *
 * @param helpful whether the messages may name what could have been meant, and quote what was sent
 * @throws DomainError E_VALIDATION naming the first faulty fields
 */
export function checkTypes(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Variables,
  helpful: boolean,
): void {
  const issues: FieldIssue[] = [];
  for (const { variable, type: typeNode, defaultValue } of variableDefinitions) {
    const name = variable.name.value;
    const type = typeFromAST(schema, typeNode) as GraphQLInputType;
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value === undefined && (defaultValue || !isNonNullType(type))) continue;
    if (coerceInputValue(value, type) !== undefined) continue;
    validateInputValue(
      value,
      type,
      ({ message: words }, path) => {
        const message = helpful ? shortMessage(words) : plainMessage(words);
        const place = [name, ...path.map(String)].map(shortMessage);
        issues.push({ path: place, message, code: "E_VALIDATION" });
        if (issues.length === MOST_ERRORS) throw wrongTypes(issues);
      },
      !helpful,
    );
  }
  if (issues.length > 0) throw wrongTypes(issues);
}

function wrongTypes(issues: readonly FieldIssue[]): DomainError {
  const message = issues.map(({ path, message }) => `$${path.join(".")}: ${message}`).join(" ");
  return new DomainError("E_VALIDATION", { message, issues });
}
