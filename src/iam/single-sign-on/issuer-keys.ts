import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from "jose";
import { z } from "zod";
import { DomainError } from "../../kernel/domain-error.ts";
import type { Logger } from "../../observability/logger.ts";
import { isTrustedUrl } from "./single-sign-on.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** For discovery and keys together. */
const ANSWER_WITHIN = 3 * SECOND;
/** More than hundreds of keys take. An answer that does not end is not kept until there is no memory left. */
const LONGEST_ANSWER = 1_000_000;
// Tokens with invented key ids must not make us ask the issuer more often.
const REFETCH_PAUSE = 10 * SECOND;
// An issuer that is down is not asked by every request, and none of those waits for it.
const PAUSE_AFTER_FAILURE = 5 * SECOND;
// Keys are renewed behind the requests, so that a slow issuer delays none of them; keys that could
// not be renewed for an hour are not believed any more.
const RENEW_AFTER = 10 * MINUTE;
const BELIEVED_FOR = 60 * MINUTE;

const Discovery = z.looseObject({ issuer: z.string(), jwks_uri: z.url() });
const KeySet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) });

/**
 * Opens an issuer's public keys, found by OpenID Connect Discovery 1.0 and read when they are first
 * needed. A key that the issuer adds is known within 10 seconds, one that it removes is forgotten by
 * the second token after 10 minutes, and after an hour in any case.
 *
 * @returns finds the key of a token; throws DomainError E_UNAVAILABLE while the issuer does not answer
 */
export function openIssuerKeys(issuer: string, log: Logger): JWTVerifyGetKey {
  let renewAt = 0;
  let pausedUntil = 0;
  // jose asks one address; discovery lies in front of the keys each time, since they may move.
  const discovery = new URL(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  const keys = createRemoteJWKSet(discovery, {
    timeoutDuration: ANSWER_WITHIN,
    cooldownDuration: REFETCH_PAUSE,
    cacheMaxAge: BELIEVED_FOR,
    [customFetch]: async (_url, { signal }) => {
      if (Date.now() < pausedUntil) throw notAnswering();
      try {
        const keySet = await fetchKeySet(issuer, discovery, signal);
        renewAt = Date.now() + RENEW_AFTER;
        return Response.json(keySet);
      } catch (cause) {
        pausedUntil = Date.now() + PAUSE_AFTER_FAILURE;
        log.warn({ err: cause, issuer }, "the issuer's keys cannot be read");
        throw notAnswering(cause);
      }
    },
  });
  return async (header, token) => {
    if (keys.fresh && Date.now() >= renewAt && !keys.reloading) {
      // What fails here is logged above, and the keys at hand are good for a while.
      keys.reload().catch(() => undefined);
    }
    return await keys(header, token);
  };
}

async function fetchKeySet(issuer: string, discovery: URL, signal: AbortSignal): Promise<object> {
  const found = Discovery.parse(await fetchJson(discovery.href, signal));
  // Section 4.3: a document of somebody else names somebody else's keys.
  if (found.issuer !== issuer) throw new Error(`discovery names another issuer: ${found.issuer}`);
  if (!isTrustedUrl(found.jwks_uri)) throw new Error(`jwks_uri is not https: ${found.jwks_uri}`);
  return KeySet.parse(await fetchJson(found.jwks_uri, signal));
}

async function fetchJson(address: string, signal: AbortSignal): Promise<unknown> {
  const headers = { accept: "application/json" };
  const response = await fetch(address, { headers, signal, redirect: "error" });
  if (!response.ok) throw new WrongAnswer(address, response);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > LONGEST_ANSWER)
      throw new Error(`${address} answers more than ${LONGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new WrongAnswer(address, response);
  }
}

/** The issuer answers what is no document of it; what it is may be told, and nothing of its text. */
class WrongAnswer extends Error {
  readonly what: string;
  constructor(address: string, { status, headers }: Response) {
    const type = /^[\w.+-]+\/[\w.+-]+/.exec(headers.get("content-type") ?? "")?.[0].slice(0, 60);
    const what = `${status} ${type ?? "without a content type"}`;
    super(`${address} answers ${what}`);
    this.what = what;
  }
}

const notAnswering = (cause?: unknown): DomainError =>
  new DomainError("E_UNAVAILABLE", {
    message:
      cause instanceof WrongAnswer
        ? `The single sign-on issuer answers ${cause.what} instead of its keys at the moment.`
        : "The single sign-on issuer does not answer at the moment.",
    cause,
  });
