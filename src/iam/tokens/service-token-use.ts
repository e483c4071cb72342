import type { EntityManager } from "@mikro-orm/postgresql";
import { type NotedLink, selectUnlessLost } from "../../audit/lost-history.ts";
import type { Role } from "../roles.ts";
import { hashServiceToken, isServiceToken } from "./service-token-value.ts";

/** Which service tokens, as `t`, let in at this moment, by the database's clock. */
export const LETS_IN = "t.revoked_at is null and t.expires_at > now()";

/** A service token that lets in at this moment. */
export interface LivingServiceToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

const JUST_USED = "coalesce(t.last_used_at > now() - interval '1 minute', false)";

interface Row extends Pick<LivingServiceToken, "id" | "name" | "role"> {
  readonly hash: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
  readonly justUsed: boolean;
}

/**
 * Answers the service tokens that callers present, in one statement. Keeps when each was used, once a
 * minute at most: a busy script is not to write with each request.
 *
 * @param seen the newest link of the audit chain that this process has seen
 * @returns in the order of the values; null for one that was never made, or lets in no more
 * @throws DomainError E_HISTORY_LOST
 */
export async function useServiceTokens(
  em: EntityManager,
  seen: NotedLink | null,
  values: readonly string[],
): Promise<(LivingServiceToken | null)[]> {
  const hashes = values.map((value) => (isServiceToken(value) ? hashServiceToken(value) : null));
  const rows = await selectUnlessLost<Row>(
    em,
    seen,
    `select t.id, t.name, t.role, t.token_hash as hash, ${JUST_USED} as "justUsed",
       (extract(epoch from t.created_at) * 1000)::float8 as "issuedMs",
       (extract(epoch from t.expires_at) * 1000)::float8 as "expiresMs"
     from platform.service_token t
     where t.token_hash = any (select jsonb_array_elements_text(?::jsonb)) and ${LETS_IN}`,
    [JSON.stringify(hashes)],
  );
  for (const { id, justUsed } of rows) if (!justUsed) await noteUse(em, id);
  const found = new Map(rows.map((row) => [row.hash, livingOf(row)]));
  return hashes.map((hash) => (hash === null ? null : (found.get(hash) ?? null)));
}

/** Not worth waiting for a standby, nor for the disk. */
const noteUse = (em: EntityManager, id: string) =>
  em.execute(
    `update platform.service_token t set last_used_at = now() where id = ? and not ${JUST_USED}
     and set_config('synchronous_commit', 'off', true) is not null`,
    [id],
  );

const livingOf = ({ id, name, role, issuedMs, expiresMs }: Row): LivingServiceToken => ({
  id,
  name,
  role,
  issuedAt: new Date(issuedMs),
  expiresAt: new Date(expiresMs),
});
