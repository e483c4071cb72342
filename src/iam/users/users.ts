import { LockMode } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { DomainError } from "../../kernel/domain-error.ts";
import { isId } from "../../kernel/ids.ts";
import { isEmail, normalizeEmail } from "./email.ts";
import { type PlatformUser, PlatformUserEntity } from "./platform-user.entity.ts";

/**
 * How a caller names a platform user. By email only those are found who sign in here: what another
 * issuer says of an email makes nobody one of them.
 */
export type UserKey = { readonly id: string } | { readonly email: string };

/** Answers the platform user of a key as it stands now, null when there is none. */
export async function findUser(em: EntityManager, key: UserKey): Promise<PlatformUser | null> {
  if ("id" in key && !isId(key.id)) return null;
  const where = "id" in key ? { id: key.id } : { email: normalizeEmail(key.email), issuer: null };
  if ("email" in where && !isEmail(where.email)) return null;
  return await em.findOne(PlatformUserEntity, where, { refresh: true });
}

/**
 * Locks a user's row until the caller's transaction ends. Whoever issues, rotates or revokes a
 * user's refresh tokens holds this lock, so that no token escapes a revocation at the same moment.
 */
export const lockUser = (em: EntityManager, id: string): Promise<PlatformUser | null> =>
  em.findOne(PlatformUserEntity, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });

/** As `lockUser`. @throws DomainError E_PLATFORM_USER_NOT_FOUND */
export async function lockUserOf(em: EntityManager, key: UserKey): Promise<PlatformUser> {
  const found = await findUser(em, key);
  const user = found && (await lockUser(em, found.id));
  if (user) return user;
  throw new DomainError("E_PLATFORM_USER_NOT_FOUND");
}
