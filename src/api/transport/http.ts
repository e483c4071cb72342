import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import type { Platform } from "../../platform.ts";
import { type Answer, send, whenKnown } from "./answer.ts";
import type { WorkerState } from "./liveness.ts";
import { openProbes } from "./probes.ts";
import { ENDPOINT, type Yoga } from "./yoga.ts";

interface HttpOptions {
  readonly platform: Platform;
  readonly yoga: Yoga;
  /** The worker of this process, where it has one. */
  readonly worker: WorkerState | null;
  /** Whether the process is about to end, so that no more requests should be sent to it. */
  isClosing(): boolean;
}

/** Answers HTTP: the API, liveness, readiness and the public keys. */
export function httpDoor(options: HttpOptions): RequestListener {
  const { platform, yoga } = options;
  const probes = openProbes(options);
  return (req, res) => {
    res.setHeader("x-content-type-options", "nosniff");
    const path = (req.url ?? "/").split("?", 1)[0];
    if (path === ENDPOINT) return answerGraphQL(yoga, req, res);
    if (req.method !== "GET" && req.method !== "HEAD") return send(res, 404, NOT_FOUND);
    if (probes(path, res)) return;
    if (path === "/.well-known/jwks.json") return whenKnown(res, () => publicKeys(platform));
    send(res, 404, NOT_FOUND);
  };
}

const NOT_FOUND = { error: `The API lies at ${ENDPOINT}` };

const JSON_TYPE = /^application\/(graphql-response\+)?json *(;|$)/i;

/** POST of JSON, and GET only for GraphiQL's page and for event streams: a query in a URL ends up in logs. */
function answerGraphQL(yoga: Yoga, req: IncomingMessage, res: ServerResponse): void {
  const accept = req.headers.accept ?? "";
  res.setHeader("vary", "Origin");
  res.setHeader("cache-control", "no-store");
  if (req.method === "GET" && !/text\/html|text\/event-stream/.test(accept)) {
    const headers = { allow: "POST, OPTIONS", "cache-control": "no-store" };
    send(res, 405, { errors: [{ message: "Send a POST request." }] }, headers);
    return;
  }
  // A page of someone else can send forms and plain text without asking first, JSON it cannot.
  if (req.method === "POST" && !JSON_TYPE.test(req.headers["content-type"] ?? "")) {
    const extensions = { code: "E_VALIDATION" satisfies ErrorCode };
    send(res, 415, {
      errors: [{ message: "Send the content type application/json.", extensions }],
    });
    return;
  }
  Promise.resolve(yoga(req, res)).catch(() => res.destroy());
}

async function publicKeys({ keys }: Platform): Promise<Answer> {
  const headers = { "cache-control": "public, max-age=60", "access-control-allow-origin": "*" };
  return { status: 200, body: await keys.publicJwks(), headers };
}
