import type { IncomingMessage } from "node:http";
import type { DocumentNode, OperationDefinitionNode } from "graphql";
import { DomainError } from "../../kernel/domain-error.ts";
import { rootFields } from "./root-fields.ts";

export const IDEMPOTENCY_HEADER = "idempotency-key";

/** The key in a request's header: as it is, or between quotes as the IETF's draft has it. */
export function idempotencyKeyIn({ headers }: Pick<IncomingMessage, "headers">): string | null {
  const text = headers[IDEMPOTENCY_HEADER];
  return typeof text === "string" ? text.replace(/^"(.*)"$/, "$1") : null;
}

/**
 * Refuses a header that would be the key of several mutations. Queries pass it over.
 *
 * @throws DomainError E_VALIDATION
 */
export function checkOneMutation(
  document: DocumentNode,
  { operation, selectionSet }: OperationDefinitionNode,
): void {
  if (operation !== "mutation") return;
  const fields = rootFields(document, selectionSet).filter(
    ({ name }) => !name.value.startsWith("__"),
  );
  const answers = new Set(fields.map(({ name, alias = name }) => alias.value));
  if (answers.size === 1) return;
  throw new DomainError("E_VALIDATION", {
    message: "The header Idempotency-Key is for a request with one mutation",
    nextAction: "Send one mutation a request, or give each its own `idempotencyKey`.",
  });
}
