import type { FilterQuery } from "@mikro-orm/core";
import { z } from "zod";
import { findPage, type Page, type PageRequest } from "../../database/keyset.ts";
import type { EntityManager } from "../../database/orm.ts";
import { Role } from "../roles.ts";
import { type PlatformUser, PlatformUserEntity } from "./platform-user.entity.ts";

export const UserFilter = z
  .object({
    role: Role.describe("Those with this role."),
    disabled: z.boolean().describe("Those who are disabled (true), or those who are not (false)."),
    text: z.string().describe("Those with this text in their email or name, in any case."),
  })
  .partial()
  .describe("Which platform users to list. What is left out does not matter.");
type UserFilter = z.infer<typeof UserFilter>;

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
