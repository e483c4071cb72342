import { raw } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { DomainError } from "../../kernel/domain-error.ts";
import { type ServiceToken, ServiceTokenEntity } from "./service-token.entity.ts";
import { hashServiceToken, isServiceToken } from "./service-token-value.ts";

/**
 * Answers the service token that a caller presents; whether it still lets in is not asked here.
 *
 * @throws DomainError E_UNAUTHENTICATED for one that was never made
 */
export async function findServiceToken(em: EntityManager, value: string): Promise<ServiceToken> {
  const tokenHash = isServiceToken(value) ? hashServiceToken(value) : null;
  const token = tokenHash === null ? null : await em.findOne(ServiceTokenEntity, { tokenHash });
  if (token === null) throw new DomainError("E_UNAUTHENTICATED");
  return token;
}

/** Answers those of the service tokens that let in at this moment, by the database's clock. */
export async function livingServiceTokens(em: EntityManager, ids: readonly string[]) {
  const tokens = await em.find(
    ServiceTokenEntity,
    { id: { $in: [...ids] }, revokedAt: null, expiresAt: { $gt: raw("now()") } },
    { refresh: true },
  );
  return tokens.map(({ id, name, role }) => ({ id, name, role, tokensValidFrom: null }));
}

const MINUTE = 60_000;

/** Keeps when a token was used, once a minute at most: a busy script is not to write with each request. */
export async function noteUse(
  em: EntityManager,
  { id, lastUsedAt }: Pick<ServiceToken, "id" | "lastUsedAt">,
): Promise<void> {
  if (lastUsedAt != null && Date.now() - lastUsedAt.getTime() < MINUTE) return;
  await em.execute(
    `update platform.service_token set last_used_at = now()
     where id = ? and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
    [id],
  );
}
