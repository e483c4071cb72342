import { createClient } from "graphql-ws";
import { type Api, openApi } from "../../src/api/transport/server.ts";
import type { Role } from "../../src/iam/roles.ts";
import { createPlatformUser } from "../../src/iam/users/platform-users.ts";
import type { Platform } from "../../src/platform.ts";
import { freshName } from "./database.ts";

/** An answer as it comes over the wire. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into what was asked for
  readonly data?: any;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions?: Record<string, unknown>;
  }[];
}

/** Somebody who calls the API over its real doors. */
export interface Caller {
  readonly token: string | null;
  /** Sends one request over HTTP. */
  send(query: string, variables?: Record<string, unknown>): Promise<Answer>;
  /** Sends one request and answers its data; errors fail the test. */
  ask(query: string, variables?: Record<string, unknown>): Promise<Answer["data"]>;
  /** Follows a subscription over WebSocket; ends when it completes. */
  follow(query: string, variables?: Record<string, unknown>): AsyncIterableIterator<Answer["data"]>;
}

/** The API of a test, and people to call it. */
export interface TestApi {
  readonly url: string;
  as(role: Role): Promise<Caller>;
  anonymous(): Caller;
  withToken(token: string): Caller;
  close(): Promise<void>;
}

const PASSWORD = "a long walk by the river";
const SIGN_IN = `mutation ($input: SignInInput!) {
  signIn(input: $input) { ... on Session { accessToken } ... on UserError { code message } }
}`;

/** Opens the API of a platform on a free port. */
export async function openTestApi(platform: Platform): Promise<TestApi> {
  const api: Api = await openApi(platform);
  const withToken = (token: string | null) => callerOf(api.url, token);
  return {
    url: api.url,
    withToken,
    anonymous: () => withToken(null),
    as: async (role) => {
      const email = `${freshName(role.toLowerCase())}@tenantry.test`;
      const actor = { kind: "SYSTEM", id: "tests", name: "tests", address: null } as const;
      await createPlatformUser({ em: platform.orm.em, clock: platform.clock }, actor, {
        email,
        name: role,
        role,
        password: PASSWORD,
      });
      const { signIn } = await withToken(null).ask(SIGN_IN, {
        input: { email, password: PASSWORD },
      });
      return withToken(signIn.accessToken);
    },
    close: () => api.close(),
  };
}

/** A caller of any API, this process's or another's. */
export function callerOf(url: string, token: string | null): Caller {
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  const send: Caller["send"] = async (query, variables = {}) => {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/graphql-response+json",
        ...authorization,
      },
      body: JSON.stringify({ query, variables }),
    });
    return { status: response.status, ...((await response.json()) as object) };
  };
  return {
    token,
    send,
    ask: async (query, variables) => {
      const answer = await send(query, variables);
      if (answer.errors) throw new Error(JSON.stringify(answer.errors));
      return answer.data;
    },
    follow: (query, variables = {}) => {
      const client = createClient({
        url: url.replace(/^http/, "ws"),
        connectionParams: authorization,
        retryAttempts: 0,
      });
      const results = client.iterate({ query, variables });
      const unwrap = async (
        step: Promise<IteratorResult<{ data?: Answer["data"]; errors?: unknown }, unknown>>,
      ) => {
        const { done, value } = await step;
        if (done) {
          await client.dispose();
          return { done: true as const, value: undefined };
        }
        if (value.errors) throw new Error(JSON.stringify(value.errors));
        return { done: false as const, value: value.data };
      };
      return {
        next: () => unwrap(results.next()),
        return: async () => {
          await results.return?.();
          await client.dispose();
          return { done: true, value: undefined };
        },
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    },
  };
}
