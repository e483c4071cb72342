import type { IncomingMessage, ServerResponse } from "node:http";
import { lexicographicSortSchema } from "graphql";
import { createYoga, type YogaServerInstance } from "graphql-yoga";
import type { Platform } from "../../platform.ts";
import type { Caller } from "../caller.ts";
import { makeContext } from "../context.ts";
import { makeLoaders } from "../loaders.ts";
import { schema } from "../schema.ts";
import type { CallerWatch } from "./caller-watch.ts";
import type { AddressOf } from "./client-address.ts";
import { graphiqlOptions, renderPage } from "./graphiql.ts";
import { guard } from "./guard.ts";
import { IDEMPOTENCY_HEADER, idempotencyKeyIn } from "./idempotency-header.ts";
import { QUERY_LIMITS } from "./limits.ts";
import type { PublicErrorOf } from "./public-error.ts";
import { receive } from "./receive.ts";
import { tellRefusals } from "./refusals.ts";
import { type IsAllowedOrigin, judgeOrigins } from "./refused-origins.ts";
import { shareAnswers } from "./shared-answers.ts";

/** What a transport hands to Yoga beside the request. */
export interface Transport {
  readonly req: IncomingMessage;
  readonly res?: ServerResponse;
  /** A socket knows its caller; over HTTP it is told before the body is read. */
  caller?: Caller | null;
  /** Over a socket: whether the operation is still wanted. */
  readonly isWanted?: () => boolean;
}

export type Yoga = YogaServerInstance<Transport, object>;

export const ENDPOINT = "/graphql";

interface YogaOptions {
  readonly watch: CallerWatch;
  readonly publicErrorOf: PublicErrorOf;
  readonly addressOf: AddressOf;
}

/** Assembles the GraphQL engine, which both HTTP and sockets use. */
export function openYoga(
  platform: Platform,
  { watch, publicErrorOf, addressOf }: YogaOptions,
): Yoga {
  const { config, log } = platform;
  const development = config.mode === "development";
  const load = makeLoaders(platform);
  const isAllowed = judgeOrigins(log, config.corsOrigins);
  const debug = (...parts: unknown[]) => log.debug({ yoga: parts.map(String).join(" ") });
  return createYoga<Transport, object>({
    schema: lexicographicSortSchema(schema),
    graphqlEndpoint: ENDPOINT,
    landingPage: false,
    batching: false,
    multipart: false,
    // The body is read by `receive`, and documents are remembered by `guard`.
    maxRequestBodySize: false,
    parserAndValidationCache: false,
    cors: (request) => corsOf(isAllowed, request.headers),
    graphiql: development ? graphiqlOptions(config.firstAdmin.email) : false,
    renderGraphiQL: renderPage,
    // Errors are logged where they become public, each once.
    logging: { debug: () => {}, info: debug, warn: debug, error: debug },
    maskedErrors: { maskError: publicErrorOf },
    plugins: [
      receive(platform, addressOf),
      guard({ limits: QUERY_LIMITS, watch, publicErrorOf, development }),
      shareAnswers(publicErrorOf),
      tellRefusals(platform),
    ],
    context: ({ req, caller = null, isWanted = null }) =>
      makeContext(platform, {
        caller,
        address: addressOf(req),
        load,
        isWanted,
        idempotencyKey: isWanted === null ? idempotencyKeyIn(req) : null,
      }),
  });
}

function corsOf(isAllowed: IsAllowedOrigin, headers: Headers) {
  const origin = headers.get("origin");
  if (origin === null || !isAllowed(origin, headers.get("host"))) return false;
  return {
    origin,
    credentials: false,
    methods: ["POST", "GET", "OPTIONS"],
    allowedHeaders: ["authorization", "content-type", "accept", IDEMPOTENCY_HEADER],
    maxAge: 600,
  };
}
