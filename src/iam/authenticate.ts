import type { EntityManager } from "@mikro-orm/postgresql";
import type { Clock } from "../kernel/clock.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
import type { Actor } from "./actor.ts";
import type { ExternalIssuer } from "./single-sign-on/external-issuer.ts";
import { followExternalUser } from "./single-sign-on/external-user.ts";
import type { Standings, TokenHolder } from "./standing.ts";
import { PLATFORM_AUDIENCE } from "./tokens/access-token.ts";
import type { SigningKeys } from "./tokens/signing-keys.ts";

interface AuthenticatePorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly standings: Standings;
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
}

/** Who calls, with what is known of the token. */
export interface Authenticated extends Omit<TokenFacts, "kind" | "id"> {
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
 * @throws DomainError E_UNAUTHENTICATED; E_HISTORY_LOST while nobody is let in; for the external issuer's tokens also E_FORBIDDEN, when they
 *   grant no role here, and E_UNAVAILABLE, while its keys cannot be read
 */
export async function authenticate(
  ports: AuthenticatePorts,
  header: string,
  address: string | null,
): Promise<Authenticated> {
  const token = BEARER.exec(header.trim())?.[1];
  if (token === undefined) throw new DomainError("E_UNAUTHENTICATED");
  if (!token.includes(".")) return await enterByServiceToken(ports, token, address);
  const { kind, id, ...facts } = await readAccessToken(ports, token, address);
  const standing = await ports.standings.of({ kind, id, ...facts });
  if (!standing) throw new DomainError("E_UNAUTHENTICATED");
  return { actor: { kind, id, ...standing, address }, ...facts };
}

async function enterByServiceToken(
  { standings }: AuthenticatePorts,
  token: string,
  address: string | null,
): Promise<Authenticated> {
  const living = await standings.ofServiceToken(token);
  if (living === null) throw new DomainError("E_UNAUTHENTICATED");
  const { id, name, role, issuedAt, expiresAt } = living;
  const actor: Actor = { kind: "SERVICE_TOKEN", id, name, role, address };
  return { actor, issuedAt, expiresAt, keyId: null, session: null };
}

/** Answers whom a token speaks of, which is good in itself; whether that still holds is not asked. */
async function readAccessToken(
  ports: AuthenticatePorts,
  token: string,
  address: string | null,
): Promise<TokenFacts> {
  if (ports.issuer?.claims(token)) {
    const identity = await ports.issuer.verify(token);
    const { id } = await followExternalUser(ports, identity, address);
    const { issuedAt, expiresAt } = identity;
    return { kind: "USER", id, issuedAt, expiresAt, keyId: null, session: null };
  }
  const verified = await ports.keys.verify(token, PLATFORM_AUDIENCE);
  const { subject, issuedAt, expiresAt, keyId, claims } = verified;
  const session = typeof claims.sid === "string" ? claims.sid : null;
  if (!isId(subject) || (session !== null && !isId(session))) {
    throw new DomainError("E_UNAUTHENTICATED");
  }
  return { kind: "USER", id: subject, issuedAt, expiresAt, keyId, session };
}
