import { type CryptoKey, importJWK, type JWK, SignJWT } from "jose";
import { WebSocket } from "ws";
import type { Platform } from "../../src/platform.ts";
import { seconds } from "../kit/oidc-issuer.ts";

/** What a door answers to a token: HTTP, server-sent events, WebSocket. */
export interface Answers {
  readonly http: { status: number; challenge: string | null; body: unknown };
  readonly sse: { status: number; text: string };
  readonly socket: { code: number; reason: string; messages: readonly unknown[] };
}

const ME = "{ me { role user { id email name role issuer } } }";
const FOLLOW = "subscription { operationUpdated { id } }";

/** Knocks at all three doors with one token. */
export async function knock(
  url: string,
  token: string,
  headers: Record<string, string> = {},
): Promise<Answers> {
  const [http, sse, socket] = await Promise.all([
    askOverHttp(url, token, headers),
    askForEvents(url, token, headers),
    askOverSocket(url, token, headers),
  ]);
  return { http, sse, socket };
}

const post = (url: string, token: string, query: string, headers: Record<string, string>) =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify({ query }),
  });

export async function askOverHttp(
  url: string,
  token: string,
  headers: Record<string, string> = {},
) {
  const accept = "application/graphql-response+json";
  const response = await post(url, token, ME, { accept, ...headers });
  const challenge = response.headers.get("www-authenticate");
  return { status: response.status, challenge, body: (await response.json()) as unknown };
}

/** Follows operations as server-sent events until the server ends the stream. */
export async function askForEvents(
  url: string,
  token: string,
  headers: Record<string, string> = {},
) {
  const response = await post(url, token, FOLLOW, { accept: "text/event-stream", ...headers });
  return { status: response.status, text: await response.text() };
}

/** Opens a socket and follows operations on it until the server closes it. */
export function askOverSocket(
  url: string,
  token: string,
  headers: Record<string, string> = {},
): Promise<Answers["socket"]> {
  const socket = new WebSocket(url.replace("http", "ws"), "graphql-transport-ws", { headers });
  const messages: unknown[] = [];
  const send = (message: object) => socket.send(JSON.stringify(message));
  socket.on("open", () =>
    send({ type: "connection_init", payload: { authorization: `Bearer ${token}` } }),
  );
  socket.on("message", (data) => {
    messages.push(JSON.parse(String(data)));
    if (messages.length === 1) send({ id: "1", type: "subscribe", payload: { query: FOLLOW } });
  });
  return new Promise((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: String(reason), messages }));
  });
}

/** The platform's own key, as nobody outside has it. */
export async function ownKey({ orm, secrets }: Platform) {
  const [row] = await orm.em
    .fork()
    .execute(
      "select id, secret_name, public_jwk from platform.signing_key where purpose = 'ACCESS'",
    );
  if (row === undefined) throw new Error("there is no key");
  const secret = await secrets.get(row.secret_name);
  const privateKey = (await importJWK(JSON.parse(secret?.value ?? ""), "EdDSA")) as CryptoKey;
  return { kid: row.id as string, alg: "EdDSA", privateKey, publicJwk: row.public_jwk as JWK };
}

export type OwnKey = Awaited<ReturnType<typeof ownKey>>;

/** Signs a good token of ours for a user, with other claims where they are given. */
export async function ownToken(
  { kid, alg, privateKey }: OwnKey,
  claims: Record<string, unknown>,
  options: { header?: Record<string, unknown>; key?: CryptoKey | Uint8Array } = {},
): Promise<string> {
  const good = { iss: "tenantry", aud: "platform", iat: seconds(), exp: seconds(600), jti: "x" };
  return await new SignJWT({ ...good, ...claims })
    .setProtectedHeader({ alg, kid, typ: "at+jwt", ...options.header })
    .sign(options.key ?? privateKey);
}

/** A token without a signature that says of itself that it needs none. */
export const unsigned = (token: string, signature = ""): string => {
  const [, body] = token.split(".");
  const head = Buffer.from(JSON.stringify({ alg: "none", typ: "at+jwt" })).toString("base64url");
  return `${head}.${body}.${signature}`;
};

/** The token with other claims under the old signature. */
export const tampered = (token: string): string => {
  const [head, body = "", signature] = token.split(".");
  const claims = JSON.parse(Buffer.from(body, "base64url").toString());
  const forged = { ...claims, roles: ["ADMINISTRATOR"], role: "ADMINISTRATOR" };
  return [head, Buffer.from(JSON.stringify(forged)).toString("base64url"), signature].join(".");
};
