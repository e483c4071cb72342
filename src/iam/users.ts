import { LockMode } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type PlatformUser, PlatformUserEntity } from "./platform-user.entity.ts";

/** Answers the platform user of an id as it stands now, null when there is none. */
export const findUser = (em: EntityManager, id: string): Promise<PlatformUser | null> =>
  em.findOne(PlatformUserEntity, { id }, { refresh: true });

/** Answers the platform user of a normalised email as it stands now, null when there is none. */
export const findUserByEmail = (em: EntityManager, email: string): Promise<PlatformUser | null> =>
  em.findOne(PlatformUserEntity, { email }, { refresh: true });

/**
 * Locks a user's row until the caller's transaction ends. Whoever issues, rotates or revokes a
 * user's refresh tokens holds this lock, so that no token escapes a revocation at the same moment.
 */
export const lockUser = (em: EntityManager, id: string): Promise<PlatformUser | null> =>
  em.findOne(PlatformUserEntity, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
