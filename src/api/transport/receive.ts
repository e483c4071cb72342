import type { IncomingMessage } from "node:http";
import { GraphQLError } from "graphql";
import type { GraphQLParams, Plugin } from "graphql-yoga";
import { DomainError } from "../../kernel/domain-error.ts";
import type { Platform } from "../../platform.ts";
import { identify } from "../caller.ts";
import type { AddressOf } from "./client-address.ts";
import { SEND_LESS } from "./limits.ts";
import type { Transport } from "./yoga.ts";

/** Bytes of a body. Whoever has no token signs in, which takes little. */
const LARGEST_BODY = { anonymous: 65_536, signedIn: 262_144 };

/**
 * Reads requests that come by HTTP: first who calls, then, within that caller's bounds, what is asked.
 * Event streams are answered so that proxies pass each event on at once.
 */
export function receive(platform: Platform, addressOf: AddressOf): Plugin<Transport, Transport> {
  return {
    onRequestParse: async ({ request, serverContext, setRequestParser }) => {
      const { req } = serverContext;
      const caller = await identify(platform, req.headers.authorization, addressOf(req));
      serverContext.caller = caller;
      const most = caller === null ? LARGEST_BODY.anonymous : LARGEST_BODY.signedIn;
      if (request.method === "POST") setRequestParser(async () => bodyOf(await read(req, most)));
      if (request.method === "GET") setRequestParser(() => queryOf(req.url ?? ""));
    },
    onResponse: ({ response }) => {
      if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return;
      response.headers.set("cache-control", "no-cache, no-transform");
      response.headers.set("x-accel-buffering", "no");
    },
  };
}

/** Reads a body without keeping more of it than is allowed. */
async function read(req: IncomingMessage, most: number): Promise<string> {
  if (Number(req.headers["content-length"] ?? 0) > most) throw tooLarge(most);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // The answer goes over the same connection, so a refusal must leave it open.
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > most) break;
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    throw new DomainError("E_VALIDATION", { message: "The body has no end.", cause: error });
  }
  if (size > most) throw tooLarge(most);
  return new TextDecoder().decode(Buffer.concat(chunks));
}

const tooLarge = (most: number) =>
  new GraphQLError(`The body is too large: at most ${most} bytes.`, {
    extensions: {
      code: "E_QUERY_TOO_COMPLEX",
      retryable: false,
      nextAction: SEND_LESS,
      http: { status: 413 },
    },
  });

function bodyOf(text: string): GraphQLParams {
  const body = fromJson(text, "The body");
  if (typeof body !== "object" || body === null) throw malformed("The body must be a JSON object.");
  return body;
}

function queryOf(url: string): GraphQLParams {
  const search = new URLSearchParams(url.slice(url.indexOf("?") + 1));
  const jsonOf = (name: string) => {
    const text = search.get(name);
    return text ? (fromJson(text, `\`${name}\``) as Record<string, unknown>) : undefined;
  };
  const query = search.get("query") ?? undefined;
  const operationName = search.get("operationName") ?? undefined;
  return {
    query,
    operationName,
    variables: jsonOf("variables"),
    extensions: jsonOf("extensions"),
  } as GraphQLParams;
}

/** What a text says as JSON. The error does not quote it: it may hold a password. */
function fromJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(`${what} is not JSON.`);
  }
}

const malformed = (message: string) =>
  new DomainError("E_VALIDATION", {
    message,
    nextAction: 'Send a JSON object: {"query": "…", "variables": {…}}.',
  });
