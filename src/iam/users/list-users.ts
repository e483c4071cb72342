import type { FilterQuery } from "@mikro-orm/core";
import { findPage, type Page, type PageRequest } from "../../database/keyset.ts";
import type { EntityManager } from "../../database/orm.ts";
import type { Role } from "../roles.ts";
import { type PlatformUser, PlatformUserEntity } from "./platform-user.entity.ts";

/** Which platform users to list; what is absent does not matter. */
export interface UserFilter {
  readonly role?: Role;
  readonly disabled?: boolean;
  /** Part of the email or the name, in any case. */
  readonly text?: string;
}

/** A page of the platform users, the newest first. */
export async function listPlatformUsers(
  em: EntityManager,
  filter: UserFilter,
  page: PageRequest,
): Promise<Page<PlatformUser>> {
  const list = { name: "platform-user", entity: PlatformUserEntity };
  return await findPage(em, list, usersWhere(filter), page);
}

/** How many platform users pass a filter. */
export const countPlatformUsers = (em: EntityManager, filter: UserFilter): Promise<number> =>
  em.count(PlatformUserEntity, usersWhere(filter));

function usersWhere({ role, disabled, text }: UserFilter): FilterQuery<PlatformUser> {
  return {
    $and: [
      ...(role === undefined ? [] : [{ role }]),
      ...(disabled === undefined ? [] : [{ disabledAt: disabled ? { $ne: null } : null }]),
      ...(text === undefined ? [] : [holding(text)]),
    ],
  };
}

function holding(text: string): FilterQuery<PlatformUser> {
  const pattern = { $ilike: `%${text.replace(/[\\%_]/g, "\\$&")}%` };
  return { $or: [{ email: pattern }, { name: pattern }] };
}
