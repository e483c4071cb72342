import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  parse,
  subscribe,
} from "graphql";
import { makeContext } from "../../api/context.ts";
import { makeLoaders } from "../../api/loaders.ts";
import { schema } from "../../api/schema.ts";
import type { Actor } from "../../iam/actor.ts";
import type { Platform } from "../../platform.ts";
import type { Api } from "./api.ts";

/** No token, so none that expires while the command runs. */
const NEVER = new Date(8.64e15);

/**
 * The API executed in this process, as `actor`: it works while no service answers. What is thrown is the
 * error itself, not what the API would show of it.
 */
export function openInProcessApi(platform: Platform, actor: Actor): Omit<Api, "close"> {
  const caller = { actor, issuedAt: new Date(), expiresAt: NEVER, session: null, keyId: null };
  const load = makeLoaders(platform);
  const args = (document: { toString(): string }, variables: unknown) => ({
    schema,
    document: documentOf(document.toString()),
    variableValues: variables as Record<string, unknown>,
    contextValue: makeContext(platform, { caller, address: null, load, isWanted: null }),
  });
  return {
    execute: async (document, variables) => dataOf(await execute(args(document, variables))),
    subscribe: (document, variables) => follow(() => subscribe(args(document, variables))),
  };
}

const documents = new Map<string, DocumentNode>();

function documentOf(text: string): DocumentNode {
  const known = documents.get(text) ?? parse(text);
  documents.set(text, known);
  return known;
}

function dataOf<Data>({ data, errors }: ExecutionResult): Data {
  const [error] = errors ?? [];
  if (error !== undefined) throw originalOf(error);
  return data as Data;
}

function originalOf(error: unknown): unknown {
  const cause = error instanceof GraphQLError ? error.originalError : undefined;
  return cause === undefined ? error : originalOf(cause);
}

type Subscribed = Awaited<ReturnType<typeof subscribe>>;

function follow<Data>(open: () => Promise<Subscribed> | Subscribed): AsyncIterableIterator<Data> {
  const opened = Promise.resolve(open());
  const source = async () => {
    const answer = await opened;
    if (Symbol.asyncIterator in answer) return answer;
    throw originalOf(answer.errors?.[0]);
  };
  return {
    next: async () => {
      const { value, done } = await (await source()).next();
      return done ? { value: undefined, done } : { value: dataOf<Data>(value), done: false };
    },
    return: async () => {
      await (await source()).return();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
