import { openClient } from "../../client/client.ts";
import type { ApiAccess } from "../../config.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { ERROR_CODES, type ErrorCode } from "../../kernel/error-codes.ts";
import { PlainFailure } from "../terminal/exit-codes.ts";
import type { Api, Told } from "./api.ts";

/**
 * The API over HTTP and WebSocket, as a token. Its refusals are DomainErrors, so that a command tells them as
 * it tells those of its own process; a PlainFailure says that it cannot be reached.
 */
export function openHttpApi({ url, token }: ApiAccess): Api {
  const client = openClient({ url, token: () => token });
  const fail = (error: unknown) => {
    throw failureOf(error, url);
  };
  return {
    execute: async (document, variables) => await client.execute(document, variables).catch(fail),
    subscribe: (document, variables, cursorOf) => {
      const stream = client.subscribe(document, variables, cursorOf);
      return {
        next: () => stream.next().catch(fail),
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

const isErrorCode = (code: string): code is ErrorCode => code in ERROR_CODES;
