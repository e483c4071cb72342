import type { EntityManager } from "@mikro-orm/postgresql";
import { DomainError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
import type { Actor } from "./actor.ts";
import { actorOf } from "./session.ts";
import type { SigningKeys } from "./signing-keys.ts";
import { PLATFORM_AUDIENCE } from "./token.ts";
import { findUser } from "./users.ts";

interface AuthenticatePorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly keys: SigningKeys;
}

const BEARER = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;

/**
 * Tells who sends `Authorization: Bearer <access token>`. The role is that of the user's row, not of
 * the token: a user who was disabled or demoted feels it at once.
 *
 * @param header the header's value, or `connectionParams.authorization`
 * @returns the actor, and when the token expires
 * @throws DomainError E_UNAUTHENTICATED
 */
export async function authenticate(
  { em, keys }: AuthenticatePorts,
  header: string,
  address: string | null,
): Promise<{ readonly actor: Actor; readonly expiresAt: Date }> {
  const token = BEARER.exec(header.trim())?.[1];
  if (token === undefined) throw new DomainError("E_UNAUTHENTICATED");
  const { subject, expiresAt } = await keys.verify(token, PLATFORM_AUDIENCE);
  const user = isId(subject) ? await findUser(em.fork(), subject) : null;
  if (user === null || user.disabledAt !== null || user.mustChangePassword) {
    throw new DomainError("E_UNAUTHENTICATED");
  }
  return { actor: actorOf(user, address), expiresAt };
}
