import type { FilterQuery } from "@mikro-orm/core";
import { z } from "zod";
import { findPage, type Page, type PageRequest } from "../../database/keyset.ts";
import type { EntityManager } from "../../database/orm.ts";
import { type ServiceToken, ServiceTokenEntity } from "./service-token.entity.ts";
import { type ShownToken, shownAt } from "./service-token-view.ts";

export const TokenFilter = z
  .object({
    active: z
      .boolean()
      .optional()
      .describe("True for those that let in, false for those that do not any more."),
  })
  .describe("Which service tokens to list.");
type TokenFilter = z.infer<typeof TokenFilter>;

/** A page of the service tokens, the newest first. */
export async function listServiceTokens(
  em: EntityManager,
  filter: TokenFilter,
  now: Date,
  page: PageRequest,
): Promise<Page<ShownToken>> {
  const list = { name: "service-token", entity: ServiceTokenEntity };
  const found = await findPage(em, list, where(filter, now), page);
  return { ...found, rows: found.rows.map((token) => shownAt(token, now)) };
}

/** How many service tokens pass a filter. */
export const countServiceTokens = (
  em: EntityManager,
  filter: TokenFilter,
  now: Date,
): Promise<number> => em.count(ServiceTokenEntity, where(filter, now));

/** A service token by its id, as it stands at a moment; null where there is none. */
export async function findServiceToken(
  em: EntityManager,
  id: string,
  now: Date,
): Promise<ShownToken | null> {
  const token = await em.findOne(ServiceTokenEntity, { id });
  return token && shownAt(token, now);
}

function where({ active }: TokenFilter, now: Date): FilterQuery<ServiceToken> {
  if (active === undefined) return {};
  return active
    ? { revokedAt: null, expiresAt: { $gt: now } }
    : { $or: [{ revokedAt: { $ne: null } }, { expiresAt: { $lte: now } }] };
}
