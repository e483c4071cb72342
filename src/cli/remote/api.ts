import { type Client, openClient } from "../../client/client.ts";
import { TypedDocumentString } from "../../client/generated/graphql.ts";
import type { ApiAccess } from "../../config.ts";
import { DomainError, type FieldIssue, type MigrationFault } from "../../kernel/domain-error.ts";
import { ERROR_CODES, type ErrorCode } from "../../kernel/error-codes.ts";
import { PlainFailure } from "../terminal/exit-codes.ts";

/** The API with its refusals as DomainErrors, so that a command tells them as it tells its own. */
export interface RemoteApi {
  /** Runs a query or a mutation. @throws DomainError, PlainFailure where the API cannot be reached */
  execute: Client["execute"];
  /** Follows a subscription. @throws DomainError, PlainFailure as `execute` does, while it is read */
  subscribe: Client["subscribe"];
  close(): Promise<void>;
}

/** Opens the API with a token. */
export function openRemoteApi({ url, token }: ApiAccess): RemoteApi {
  const client = openClient({ url, token: () => token });
  const failure = (error: unknown) => failureOf(error, url);
  return {
    execute: async (document, variables) =>
      await client.execute(document, variables).catch((error: unknown) => {
        throw failure(error);
      }),
    subscribe: (document, variables, cursorOf) => {
      const stream = client.subscribe(document, variables, cursorOf);
      return {
        next: () =>
          stream.next().catch((error: unknown) => {
            throw failure(error);
          }),
        return: async () => (await stream.return?.()) ?? { value: undefined, done: true },
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    },
    close: () => client.close(),
  };
}

function failureOf(error: unknown, url: string): Error {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (isErrorCode(code)) {
    const { message, faults } = error as ApiFailure;
    return new DomainError(code, { ...faults?.[0]?.extensions, message });
  }
  const cause = error instanceof Error ? error.cause : undefined;
  const reasons = [error, cause, ...(cause instanceof AggregateError ? cause.errors : [])];
  const said = reasons.map((reason) => (reason instanceof Error ? reason.message : ""));
  const why = said.filter((text) => text !== "").at(-1) ?? "no reason was given";
  const answered = error instanceof Error && "faults" in error && cause === undefined;
  return new PlainFailure(
    answered
      ? `The API at ${url} did not do it: ${why}`
      : `The API at ${url} is not reached: ${why}`,
  );
}

/** What the client throws for an answer of the API. */
interface ApiFailure extends Error {
  readonly faults?: readonly { readonly extensions?: Told }[];
}

/** What the API tells of an error beside its code and message. */
interface Told {
  readonly retryable?: boolean;
  readonly nextAction?: string;
  readonly migration?: MigrationFault | null;
}

const isErrorCode = (code: string): code is ErrorCode => code in ERROR_CODES;

/** What a mutation's result holds beside its payload, where it was refused. */
interface Refusable extends Told {
  readonly code?: ErrorCode;
  readonly message?: string;
  readonly issues?: readonly FieldIssue[];
  readonly operation?: { readonly id: string };
}

/**
 * Answers the payload of a mutation's result.
 *
 * @throws DomainError where it was refused
 */
export function payloadOf<Result extends object>(
  result: Result,
): Exclude<Result, { code: ErrorCode }> {
  const { code, operation, ...told } = result as Refusable;
  if (code === undefined) return result as Exclude<Result, { code: ErrorCode }>;
  const detail = operation ? { operationId: operation.id } : {};
  throw new DomainError(code, { ...told, detail });
}

/** Makes a document whose mutation is only known as the command runs. */
export const documentOf = <Data, Variables>(
  text: string,
  fragments: readonly { toString(): string }[],
): TypedDocumentString<Data, Variables> =>
  new TypedDocumentString(`${text}\n${fragments.map(String).join("\n")}`);
