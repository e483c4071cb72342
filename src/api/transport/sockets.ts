import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import {
  type ExecutionArgs,
  type FormattedExecutionResult,
  type GraphQLError,
  getOperationAST,
} from "graphql";
import { type Context, handleProtocols, makeServer, type SubscribePayload } from "graphql-ws";
import { WebSocket, WebSocketServer } from "ws";
import { isConnectionLoss } from "../../database/faults.ts";
import { DomainError, isDomainError } from "../../kernel/domain-error.ts";
import type { Platform } from "../../platform.ts";
import { type Caller, identify, isUnchanged, noLonger } from "../caller.ts";
import { type CallerWatch, OPEN_OF_ONE_CALLER } from "./caller-watch.ts";
import type { AddressOf } from "./client-address.ts";
import { meter } from "./meter.ts";
import { type PublicErrorOf, withoutHttp } from "./public-error.ts";
import { type IsAllowedOrigin, judgeOrigins } from "./refused-origins.ts";
import { ENDPOINT, type Yoga } from "./yoga.ts";

/** How much of the machine sockets may take. */
export interface SocketLimits {
  readonly sockets: number;
  readonly operationsOfOneSocket: number;
  /** Bytes of one message. */
  readonly message: number;
  /** Messages and pings of one socket within a second. */
  readonly messagesASecond: number;
  /** Bytes that wait for one socket to read them. */
  readonly unread: number;
}

export const SOCKET_LIMITS: SocketLimits = {
  sockets: 10_000,
  operationsOfOneSocket: 100,
  message: 65_536,
  messagesASecond: 500,
  unread: 4_000_000,
};

/** WebSocket close codes; 4401 would be final for graphql-ws clients, 4403 they may try again. */
const CLOSE = { goingAway: 1001, serverError: 1011, tryLater: 1013, forbidden: 4403 } as const;
const PING_EVERY_MS = 12_000;
const CLOSE_WITHIN_MS = 2_000;

interface SocketDoorOptions {
  readonly platform: Platform;
  readonly yoga: Yoga;
  readonly watch: CallerWatch;
  readonly publicErrorOf: PublicErrorOf;
  readonly addressOf: AddressOf;
  readonly limits: SocketLimits;
}

/** The WebSocket side of the API: graphql-transport-ws on the API's own path. */
export interface SocketDoor {
  /** Takes an upgrade request, or refuses it with an HTTP status. */
  upgrade(req: IncomingMessage, stream: Duplex, head: Buffer): void;
  /** Closes every socket with 1001. */
  close(): Promise<void>;
}

interface Extra {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  caller?: Caller;
  closed: boolean;
  release(): void;
}

interface Params {
  readonly [name: string]: unknown;
  /** `Bearer …`, in either spelling. */
  readonly authorization?: unknown;
  readonly Authorization?: unknown;
}

type Socket = Context<Params, Extra>;

/** Opens the WebSocket side of the API. */
export function openSockets(options: SocketDoorOptions): SocketDoor {
  const { platform, limits } = options;
  const wss = new WebSocketServer({
    noServer: true,
    maxPayload: limits.message,
    perMessageDeflate: false,
    handleProtocols,
  });
  const server = makeServer<Params, Extra>({
    execute: (args) => (args as unknown as Enveloped).execute(args),
    subscribe: (args) => (args as unknown as Enveloped).subscribe(args),
    onConnect: connecter(options),
    onSubscribe: (socket, id, payload) => prepare(options, socket, id, payload),
    onClose: ({ extra }) => {
      extra.closed = true;
      extra.release();
    },
    // What ends a stream arrives as the cause of an error that the protocol has made.
    onError: (_socket, _id, _payload, errors) =>
      errors.map((error) => withoutHttp(options.publicErrorOf(error.cause ?? error))),
    onNext: (_socket, _id, _payload, _args, { errors, ...result }) =>
      errors
        ? ({ ...result, errors: errors.map(withoutHttp) } as FormattedExecutionResult)
        : undefined,
  });
  const isAllowed = judgeOrigins(platform.log, platform.config.corsOrigins);
  wss.on("connection", (socket: WebSocket, request: IncomingMessage) => {
    serve(server, socket, request, options);
  });
  return {
    upgrade: (req, stream, head) => {
      const refusal = refusalOf(req, isAllowed, wss.clients.size, limits);
      if (refusal) return void stream.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\n\r\n`);
      wss.handleUpgrade(req, stream, head, (socket) => wss.emit("connection", socket, req));
    },
    close: async () => {
      for (const socket of wss.clients) socket.close(CLOSE.goingAway, "The server is going away");
      const late = setTimeout(() => {
        for (const socket of wss.clients) socket.terminate();
      }, CLOSE_WITHIN_MS);
      await new Promise<void>((resolve) => wss.close(() => resolve()));
      clearTimeout(late);
    },
  };
}

/** Why an upgrade is refused, as an HTTP status line; null when it is not. */
function refusalOf(
  { url, headers }: Pick<IncomingMessage, "url" | "headers">,
  isAllowed: IsAllowedOrigin,
  open: number,
  limits: Pick<SocketLimits, "sockets">,
): string | null {
  if ((url ?? "").split("?", 1)[0] !== ENDPOINT) return "404 Not Found";
  const { origin, host } = headers;
  // Only browsers send an origin, and only they can be made to connect by a page of someone else.
  if (origin !== undefined && !isAllowed(origin, host)) return "403 Forbidden";
  return open >= limits.sockets ? "503 Service Unavailable" : null;
}

/** Authenticates a socket; it lives as long as its token and its caller's role. */
function connecter({ platform, watch, addressOf }: SocketDoorOptions) {
  return async ({ extra, connectionParams }: Socket): Promise<boolean> => {
    const { socket, request } = extra;
    const authorization = connectionParams?.authorization ?? connectionParams?.Authorization;
    const token = typeof authorization === "string" ? authorization : undefined;
    const caller = await identify(platform, token, addressOf(request)).catch((error: unknown) => {
      refuse(socket, error, platform.log);
      return null;
    });
    if (caller === null) return false;
    if (extra.closed) return true;
    if (watch.openOf(caller) >= OPEN_OF_ONE_CALLER) {
      socket.close(CLOSE.tryLater, "Too many connections");
      return true;
    }
    extra.caller = caller;
    extra.release = watch.watch(caller, ({ message }) => socket.close(CLOSE.forbidden, message));
    return true;
  };
}

/** Closes a socket whose caller cannot be told; who has a role to ask for is told why. */
function refuse(socket: WebSocket, error: unknown, log: Platform["log"]): void {
  if (isDomainError(error, "E_UNAUTHENTICATED")) return;
  if (isDomainError(error, "E_FORBIDDEN")) {
    socket.close(CLOSE.forbidden, error.message);
    return;
  }
  if (!isDomainError(error)) log.error({ err: error }, "socket cannot be authenticated");
  socket.close(CLOSE.tryLater, "Try again later");
}

type Enveloped = ReturnType<Yoga["getEnveloped"]>;

/**
 * Makes a message's operation ready to run; whatever is thrown here would close the socket. The caller
 * is asked for anew, as at each request over HTTP: the watch may not have looked yet. A subscription
 * begins as soon as the platform database is there; a query fails while it is not.
 */
async function prepare(
  { platform, yoga, limits, publicErrorOf }: SocketDoorOptions,
  context: Socket,
  id: string,
  params: SubscribePayload,
): Promise<ExecutionArgs | readonly GraphQLError[]> {
  const { extra } = context;
  try {
    if (Object.keys(context.subscriptions).length > limits.operationsOfOneSocket) {
      const message = `A socket carries at most ${limits.operationsOfOneSocket} operations`;
      throw new DomainError("E_RATE_LIMITED", { message });
    }
    const { caller } = extra;
    if (!caller) throw new DomainError("E_UNAUTHENTICATED");
    const isWanted = () => !extra.closed && id in context.subscriptions;
    const initial = { req: extra.request, caller, isWanted, params };
    const { schema, execute, subscribe, contextFactory, parse, validate } =
      yoga.getEnveloped(initial);
    const document = parse(params.query);
    const { operation } = getOperationAST(document, params.operationName) ?? {};
    const waits = () => operation === "subscription" && isWanted();
    if (!(await patiently(() => isUnchanged(platform, caller), waits))) {
      extra.socket.close(CLOSE.forbidden, noLonger().message);
      throw noLonger();
    }
    const faults = validate(schema, document);
    if (faults.length > 0) return faults;
    return {
      schema,
      document,
      operationName: params.operationName ?? undefined,
      variableValues: params.variables ?? undefined,
      contextValue: await contextFactory(),
      execute,
      subscribe,
    } as ExecutionArgs;
  } catch (error) {
    return [publicErrorOf(error)];
  }
}

/** Pause between two tries while the platform database is away. */
const BEGIN_AGAIN_MS = 500;

/** Does something again for as long as the platform database is away and somebody waits. */
async function patiently<T>(work: () => Promise<T>, waits: () => boolean): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isConnectionLoss(error) || !waits()) throw error;
    }
    await delay(BEGIN_AGAIN_MS);
  }
}

/** Connects one socket with the protocol, pings it, and keeps its faults away from the process. */
function serve(
  server: ReturnType<typeof makeServer<Params, Extra>>,
  socket: WebSocket,
  request: IncomingMessage,
  { platform: { log }, limits }: SocketDoorOptions,
): void {
  let alive = true;
  const isTooMany = meter(limits.messagesASecond, () =>
    socket.close(CLOSE.tryLater, "Too many messages"),
  );
  const pinger = setInterval(() => {
    // Whoever does not read does not answer either: a stalled reader is let go.
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
  }, PING_EVERY_MS);
  socket.on("ping", isTooMany);
  socket.on("pong", () => {
    alive = true;
  });
  socket.on("error", (error) => log.debug({ err: error }, "socket failed"));
  const closed = server.opened(
    {
      protocol: socket.protocol,
      send: (data) =>
        new Promise((resolve) => {
          if (socket.bufferedAmount > limits.unread) socket.terminate();
          if (socket.readyState !== WebSocket.OPEN) return resolve();
          // A failed send means a socket that is closing, which ends what it carries.
          socket.send(data, () => resolve());
        }),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (handle) => {
        socket.on("message", (data) => {
          if (isTooMany()) return;
          handle(String(data)).catch((error: unknown) => {
            log.error({ err: error }, "socket message failed");
            socket.close(CLOSE.serverError, "Internal error");
          });
        });
      },
    },
    { socket, request, closed: false, release: () => {} },
  );
  socket.on("close", (code, reason) => {
    clearInterval(pinger);
    closed(code, String(reason)).catch((error: unknown) => {
      log.error({ err: error }, "socket cannot be cleaned up");
    });
  });
}
