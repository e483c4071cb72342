import type { EntityManager } from "@mikro-orm/postgresql";
import type { Clock } from "../kernel/clock.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
import type { Actor } from "./actor.ts";
import type { ExternalIssuer } from "./single-sign-on/external-issuer.ts";
import { followExternalUser } from "./single-sign-on/external-user.ts";
import { standingsOf, type TokenHolder } from "./standing.ts";
import type { ServiceToken } from "./tokens/service-token.entity.ts";
import { findServiceToken, noteUse } from "./tokens/service-token-use.ts";
import type { SigningKeys } from "./tokens/signing-keys.ts";
import { PLATFORM_AUDIENCE } from "./tokens/token.ts";

interface AuthenticatePorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly keys: SigningKeys;
  /** Whose tokens are good beside our own; null without single sign-on. */
  readonly issuer: ExternalIssuer | null;
  readonly clock: Clock;
}

/** What is known of a token that is good in itself. */
interface TokenFacts extends TokenHolder {
  readonly expiresAt: Date;
  /** The key of ours that signed it; null where none did. */
  readonly keyId: string | null;
  /** The service token that it is; null for any other. */
  readonly serviceToken: ServiceToken | null;
}

/** Who calls, with what is known of the token. */
export interface Authenticated extends Omit<TokenFacts, "kind" | "id" | "serviceToken"> {
  readonly actor: Actor;
}

/** A JWT, or a service token. */
const BEARER = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+|tnt_\w+)$/i;

/**
 * Tells who sends `Authorization: Bearer <token>`: an access token of ours or of the external issuer,
 * or a service token. The role is that of the row, not of the token: a user who was disabled or demoted
 * feels it at once.
 *
 * @param header the header's value, or `connectionParams.authorization`
 * @throws DomainError E_UNAUTHENTICATED; for the external issuer's tokens also E_FORBIDDEN, when they
 *   grant no role here, and E_UNAVAILABLE, while its keys cannot be read
 */
export async function authenticate(
  ports: AuthenticatePorts,
  header: string,
  address: string | null,
): Promise<Authenticated> {
  const { kind, id, serviceToken, ...facts } = await readToken(ports, header, address);
  const em = ports.em.fork();
  const [standing] = await standingsOf(em, [{ kind, id, ...facts }]);
  if (!standing) throw new DomainError("E_UNAUTHENTICATED");
  if (serviceToken !== null) await noteUse(em, serviceToken);
  return { actor: { kind, id, ...standing, address }, ...facts };
}

/** Answers whom a token speaks of, which is good in itself; whether that still holds is not asked. */
async function readToken(
  ports: AuthenticatePorts,
  header: string,
  address: string | null,
): Promise<TokenFacts> {
  const token = BEARER.exec(header.trim())?.[1];
  if (token === undefined) throw new DomainError("E_UNAUTHENTICATED");
  if (!token.includes(".")) return await readServiceToken(ports.em.fork(), token);
  if (ports.issuer?.claims(token)) {
    const identity = await ports.issuer.verify(token);
    const { id } = await followExternalUser(ports, identity, address);
    const { issuedAt, expiresAt } = identity;
    return { ...NO_SESSION, kind: "USER", id, issuedAt, expiresAt };
  }
  const verified = await ports.keys.verify(token, PLATFORM_AUDIENCE);
  const { subject, issuedAt, expiresAt, keyId, claims } = verified;
  const session = typeof claims.sid === "string" ? claims.sid : null;
  if (!isId(subject) || (session !== null && !isId(session))) {
    throw new DomainError("E_UNAUTHENTICATED");
  }
  const id = subject;
  return { kind: "USER", id, issuedAt, expiresAt, keyId, session, serviceToken: null };
}

/** Of tokens that come with no session of ours. */
const NO_SESSION = { keyId: null, session: null, serviceToken: null } as const;

async function readServiceToken(em: EntityManager, value: string): Promise<TokenFacts> {
  const serviceToken = await findServiceToken(em, value);
  const { id, createdAt: issuedAt, expiresAt } = serviceToken;
  return { ...NO_SESSION, kind: "SERVICE_TOKEN", id, issuedAt, expiresAt, serviceToken };
}
