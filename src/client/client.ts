import { createClient, type Client as SocketClient } from "graphql-ws/client";
import type { TypedDocumentString } from "./generated/graphql.ts";
import { Queue } from "./queue.ts";

/** A client of the API: typed documents in, data out. */
export interface Client {
  /**
   * Runs a query or a mutation over HTTP.
   *
   * @throws ApiError when the answer holds errors, TypeError when the server cannot be reached
   */
  execute<Data, Variables>(
    document: TypedDocumentString<Data, Variables>,
    variables: Variables,
  ): Promise<Data>;

  /**
   * Follows a subscription over WebSocket. A lost connection is made again; give `cursorOf` where
   * the subscription takes `after`, and it goes on behind the newest event that has arrived.
   *
   * @param cursorOf the cursor in one value, for the variable `after`
   * @throws ApiError when the server refuses or ends the subscription, or cannot be reached again
   */
  subscribe<Data, Variables extends object>(
    document: TypedDocumentString<Data, Variables>,
    variables: Variables,
    cursorOf?: (data: Data) => string,
  ): AsyncIterableIterator<Data>;

  /** Closes the WebSocket; what is subscribed ends. */
  close(): Promise<void>;
}

interface ClientOptions {
  /** Where the API answers: `http://127.0.0.1:4000/graphql`. */
  readonly url: string;
  /** Answers the access token, freshly for every request and connection; null without one. */
  readonly token?: () => string | null | Promise<string | null>;
  /** How often a lost connection is tried again before a subscription fails; 10 unless told. */
  readonly retries?: number;
}

/** One error of an answer, as GraphQL formats it. */
interface ApiFault {
  readonly message: string;
  readonly extensions?: { readonly code?: string; readonly [name: string]: unknown } | undefined;
}

/** The API answered with errors; `code` is that of the first. */
class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: string | null;
  readonly faults: readonly ApiFault[];

  constructor(faults: readonly ApiFault[], options: ErrorOptions = {}) {
    super(faults.map((fault) => fault.message).join("; ") || "The API failed", options);
    this.faults = faults;
    this.code = faults[0]?.extensions?.code ?? null;
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Opens a client; connects when it is first used. */
export function openClient({ url, token = () => null, retries = 10 }: ClientOptions): Client {
  const socket = createClient({
    url: url.replace(/^http/, "ws"),
    retryAttempts: retries,
    // Also when the server was away or ended the connection because the token expired.
    shouldRetry: () => true,
    retryWait: async (tries) =>
      await pause(Math.min(10_000, 250 * 2 ** tries) * (0.5 + Math.random())),
    connectionParams: async () => authorizationOf(await token()),
  });
  return {
    execute: async (document, variables) => {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/graphql-response+json",
          ...authorizationOf(await token()),
        },
        body: JSON.stringify({ query: document.toString(), variables }),
      });
      return await dataOf(response);
    },
    subscribe: (document, variables, cursorOf) =>
      subscribe(
        socket,
        { query: document.toString(), variables: { ...variables } as Payload["variables"] },
        cursorOf,
      ),
    close: async () => await socket.dispose(),
  };
}

const authorizationOf = (token: string | null): { authorization?: string } =>
  token === null ? {} : { authorization: `Bearer ${token}` };

async function dataOf<Data>(response: Response): Promise<Data> {
  const text = await response.text();
  if (!response.headers.get("content-type")?.includes("json")) {
    throw new ApiError([{ message: `The API answered ${response.status}: ${text.slice(0, 200)}` }]);
  }
  const { data, errors } = JSON.parse(text) as { data?: Data; errors?: ApiFault[] };
  if (errors || data === undefined || data === null) throw new ApiError(errors ?? []);
  return data;
}

interface Payload {
  readonly query: string;
  readonly variables: { after?: unknown; [name: string]: unknown };
}

function subscribe<Data>(
  socket: SocketClient,
  payload: Payload,
  cursorOf: ((data: Data) => string) | undefined,
): AsyncIterableIterator<Data> {
  const queue = new Queue<Data>();
  const unsubscribe = socket.subscribe<Data>(payload, {
    next: ({ data, errors }) => {
      if (errors || !data) return queue.fail(new ApiError(errors ?? []));
      // The client sends these variables again when it connects again.
      if (cursorOf) payload.variables.after = cursorOf(data);
      queue.push(data);
    },
    error: (reason) => queue.fail(errorOf(reason)),
    complete: () => queue.end(),
  });
  return queue.iterate(unsubscribe);
}

/** GraphQL errors as they are, and what a socket reports when it cannot be connected again. */
function errorOf(reason: unknown): ApiError {
  if (Array.isArray(reason)) return new ApiError(reason as ApiFault[]);
  const { code, reason: said } = (reason ?? {}) as { code?: unknown; reason?: unknown };
  const closed = typeof code === "number" ? `The connection was closed: ${code} ${said ?? ""}` : "";
  const message = closed || (reason instanceof Error ? reason.message : "The connection failed");
  return new ApiError([{ message: message.trim() }], { cause: reason });
}
