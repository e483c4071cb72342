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

/** A platform user as both doors show it. */
export type UserView = Readonly<
  Pick<PlatformUser, "id" | "email" | "name" | "role" | "issuer" | "disabledAt"> &
    Pick<PlatformUser, "mustChangePassword"> &
    Pick<PlatformUser, "oneTimePasswordExpiresAt" | "createdAt" | "updatedAt">
>;

/** What may be shown of a user: everything but the password's hash. */
export const viewOf = (user: PlatformUser): UserView => ({
  id: user.id,
  email: user.email,
  name: user.name,
  role: user.role,
  issuer: user.issuer ?? null,
  disabledAt: user.disabledAt,
  mustChangePassword: user.mustChangePassword,
  oneTimePasswordExpiresAt: user.oneTimePasswordExpiresAt,
  createdAt: user.createdAt,
  updatedAt: user.updatedAt,
});

/** Answers the platform user of a key as it stands now, null when there is none. */
export async function findUser(em: EntityManager, key: UserKey): Promise<PlatformUser | null> {
  if ("id" in key && !isId(key.id)) return null;
  const where = "id" in key ? { id: key.id } : { email: normalizeEmail(key.email), issuer: null };
  if ("email" in where && !isEmail(where.email)) return null;
  return await em.findOne(PlatformUserEntity, where, { refresh: true });
}

/**
 * What audit and operations call a user. An issuer may give anybody the email of a user of ours: so it
 * is named with an external user's.
 */
export const nameOf = ({ email, issuer }: Pick<PlatformUser, "email" | "issuer">): string =>
  issuer ? `${email} (${new URL(issuer).host})` : email;

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
