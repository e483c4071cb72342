import {
  type DocumentNode,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  validate,
} from "graphql";
import { DomainError } from "../../kernel/domain-error.ts";

/** So many faults are told at once: who mends these sends the request again. */
export const MOST_ERRORS = 10;
const LONGEST_MESSAGE = 500;

/** A message of graphql, which quotes what was sent, however long that is. */
export const shortMessage = (message: string): string =>
  message.length <= LONGEST_MESSAGE ? message : `${message.slice(0, LONGEST_MESSAGE)}…`;

/** A message without what was sent and what could have been meant: strangers learn nothing by guessing. */
export const plainMessage = (message: string): string =>
  shortMessage(message.replace(/[,;.] found: .*$/is, ".").replace(/ Did you mean .*\?$/s, ""));

/** What is wrong with a document, in a few short errors. */
export function faultsOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  helpful: boolean,
): GraphQLError[] {
  const faults = validate(schema, document, undefined, {
    maxErrors: MOST_ERRORS,
    hideSuggestions: !helpful,
  });
  return faults.map(({ message, nodes }) => {
    const short = helpful ? shortMessage(message) : plainMessage(message);
    return new GraphQLError(short, { nodes: nodes?.slice(0, 2) ?? null });
  });
}

/** An error of graphql's own with a short message; itself where it is short. */
export function shortened(error: GraphQLError): GraphQLError {
  const message = shortMessage(error.message);
  if (message === error.message) return error;
  const { source, positions, extensions } = error;
  return new GraphQLError(message, {
    extensions,
    source: source ?? null,
    positions: positions ?? null,
  });
}

/** Each field of each entry of a page can fail: so many of these errors are told. */
const MOST_FIELD_ERRORS = 100;

/** A result with the first 100 of its errors, and how many there are besides. */
export function withFewErrors(result: ExecutionResult): ExecutionResult {
  const { errors = [] } = result;
  const [first] = errors.slice(MOST_FIELD_ERRORS);
  if (!first) return result;
  const message = `${errors.length - MOST_FIELD_ERRORS} more errors are left out.`;
  const rest = new GraphQLError(message, {
    path: first.path ?? [],
    originalError: new DomainError("E_QUERY_TOO_COMPLEX", { message }),
  });
  return { ...result, errors: [...errors.slice(0, MOST_FIELD_ERRORS), rest] };
}
