import type { EntityManager } from "@mikro-orm/postgresql";
import type { Clock } from "../kernel/clock.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
import type { Actor } from "./actor.ts";
import type { ExternalIssuer } from "./external-issuer.ts";
import { followExternalUser } from "./external-user.ts";
import { findServiceToken, noteUse } from "./service-token-use.ts";
import type { SigningKeys } from "./signing-keys.ts";
import { standingsOf, type TokenHolder } from "./standing.ts";
import { PLATFORM_AUDIENCE } from "./token.ts";

interface AuthenticatePorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly keys: SigningKeys;
  /** Whose tokens are good beside our own; null without single sign-on. */
  readonly issuer: ExternalIssuer | null;
  readonly clock: Clock;
}

/** Who calls, with what is known of the token. */
export interface Authenticated {
  readonly actor: Actor;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
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
  const { expiresAt, ...holder } = await readToken(ports, header, address);
  const [standing] = await standingsOf(ports.em.fork(), [holder]);
  if (!standing) throw new DomainError("E_UNAUTHENTICATED");
  const { kind, id, issuedAt } = holder;
  return { actor: { kind, id, ...standing, address }, issuedAt, expiresAt };
}

/** Answers whom a token speaks of, which is good in itself; whether that still holds is not asked. */
async function readToken(
  ports: AuthenticatePorts,
  header: string,
  address: string | null,
): Promise<TokenHolder & { readonly expiresAt: Date }> {
  const token = BEARER.exec(header.trim())?.[1];
  if (token === undefined) throw new DomainError("E_UNAUTHENTICATED");
  if (!token.includes(".")) return await readServiceToken(ports.em.fork(), token);
  if (ports.issuer?.claims(token)) {
    const identity = await ports.issuer.verify(token);
    const { id } = await followExternalUser(ports, identity, address);
    return { kind: "USER", id, issuedAt: identity.issuedAt, expiresAt: identity.expiresAt };
  }
  const { subject, issuedAt, expiresAt } = await ports.keys.verify(token, PLATFORM_AUDIENCE);
  if (!isId(subject)) throw new DomainError("E_UNAUTHENTICATED");
  return { kind: "USER", id: subject, issuedAt, expiresAt };
}

async function readServiceToken(em: EntityManager, value: string) {
  const token = await findServiceToken(em, value);
  await noteUse(em, token);
  const { id, createdAt: issuedAt, expiresAt } = token;
  return { kind: "SERVICE_TOKEN" as const, id, issuedAt, expiresAt };
}
