import { createClient } from "graphql-ws";
import { openApi } from "../../src/api/transport/server.ts";
import type { Role } from "../../src/iam/roles.ts";
import { createPlatformUser } from "../../src/iam/users/platform-users.ts";
import { freshName } from "./database.ts";
import type { TestPlatform } from "./platform.ts";

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

/** A caller who has signed in. */
export interface SignedIn extends Caller {
  readonly token: string;
  readonly email: string;
}

/** The API of a test, and people to call it. */
export interface TestApi extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Signs in as a new user of the role. */
  as(role: Role): Promise<SignedIn>;
  anonymous(): Caller;
  withToken(token: string): Caller;
  /** Sends a body as it is; `headers` beside the content type. */
  post(body: unknown, headers?: Record<string, string>): Promise<Response>;
}

const PASSWORD = "a long walk by the river";
const SIGN_IN = `mutation ($input: SignInInput!) {
  signIn(input: $input) { ... on Session { accessToken } ... on UserError { code message } }
}`;

/** Opens the API of a platform on a free port. */
export async function openTestApi({ platform }: Pick<TestPlatform, "platform">): Promise<TestApi> {
  const api = await openApi(platform);
  return {
    url: api.url,
    port: api.port,
    withToken: (token) => callerOf(api.url, token),
    anonymous: () => callerOf(api.url, null),
    post: (body, headers) => post(api.url, body, headers),
    as: async (role) => {
      const email = `${freshName(role.toLowerCase())}@tenantry.test`;
      const actor = { kind: "SYSTEM", id: "tests", name: "tests", address: null } as const;
      await createPlatformUser({ em: platform.orm.em, clock: platform.clock }, actor, {
        email,
        name: role,
        role,
        password: PASSWORD,
      });
      const { signIn } = await callerOf(api.url, null).ask(SIGN_IN, {
        input: { email, password: PASSWORD },
      });
      return { ...callerOf(api.url, signIn.accessToken as string), email };
    },
    [Symbol.asyncDispose]: () => api.close(),
  };
}

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

/** A caller of any API, this process's or another's. */
export function callerOf<Token extends string | null>(
  url: string,
  token: Token,
): Caller & { readonly token: Token } {
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  const send: Caller["send"] = async (query, variables = {}) => {
    const response = await post(url, { query, variables }, authorization);
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
