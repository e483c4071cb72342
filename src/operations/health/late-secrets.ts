import pLimit from "p-limit";
import type { EntityManager } from "../../database/orm.ts";
import type { Logger } from "../../observability/logger.ts";
import { type Tenant, TenantEntity } from "../../tenants/tenant.entity.ts";
import { type SettlePorts, settleSecret } from "../credentials/noted-secret.ts";
import { repeat } from "../engine/liveness.ts";
import type { Requester } from "../engine/phase.ts";
import { SECRETS_AT_ONCE } from "./evidence.ts";

// Whoever has lost an operation may write its secret late, and die before it can be put right.

const POLL_MS = 2_000;
/** Polls become rarer, by how long ago the takeover was, down to this. */
const RAREST_MS = 10_000;
const WATCHED = "10 minutes";

interface LateSecretPorts extends SettlePorts {
  readonly log: Logger;
}

/** A secret whose operation was taken over. */
interface Watched {
  readonly name: string;
  /** Since the takeover. */
  readonly ageMs: number;
}

/**
 * Polls the secrets of tenants whose operation was taken over, for some minutes from
 * then on: the noted version is put back where somebody has written late.
 *
 * @returns what ends that
 */
export function watchLateSecrets(ports: LateSecretPorts, by: Requester): () => Promise<void> {
  const { log, orm } = ports;
  const polledAt = new Map<string, number>();
  const poll = async () => {
    const now = performance.now();
    const watched = await takenOver(orm.em.fork() as EntityManager);
    for (const name of polledAt.keys())
      if (!watched.some((each) => each.name === name)) polledAt.delete(name);
    const due = watched.filter(({ name, ageMs }) => {
      const pauseMs = Math.min(ageMs / 30, RAREST_MS);
      return now - (polledAt.get(name) ?? Number.NEGATIVE_INFINITY) >= pauseMs;
    });
    for (const { name } of due) polledAt.set(name, now);
    await settleEach(ports, due, by);
  };
  return repeat(POLL_MS, poll, (error) =>
    log.warn({ err: error }, "secrets of operations that were taken over could not be looked at"),
  );
}

/** What a tenant on which an operation works has, is the operation's affair. */
const takenOver = (em: EntityManager): Promise<Watched[]> =>
  em.execute<Watched[]>(
    `select t.secret_name as name,
       min(extract(epoch from now() - o.taken_over_at))::float8 * 1000 as "ageMs"
     from platform.operation o join platform.tenant t on t.id = o.subject_id
     where o.taken_over_at > now() - ?::interval and not exists (
       select from platform.tenant h join platform.operation a on a.subject_id = h.id
       where h.secret_name = t.secret_name and a.finished_at is null)
     group by t.secret_name`,
    [WATCHED],
  );

/** Puts these secrets right, each by itself: what the store does not answer for is left to the next poll. */
async function settleEach(
  ports: LateSecretPorts,
  secrets: readonly { readonly name: string }[],
  by: Requester,
): Promise<void> {
  await pLimit(SECRETS_AT_ONCE).map(secrets, async ({ name }) => {
    try {
      const settled = await settleSecret(ports, name, by);
      if (settled === "PUT_BACK" || settled === "REMOVED")
        ports.log.warn({ secretName: name, settled }, "a secret was written late");
    } catch (error) {
      ports.log.warn({ err: error, secretName: name }, "a secret could not be looked at");
    }
  });
}

/** Puts the secrets of all tenants right on which nothing works. */
export async function settleSecrets(
  ports: LateSecretPorts,
  by: Requester,
  signal: AbortSignal,
): Promise<void> {
  const em = ports.orm.em.fork() as EntityManager;
  const quiet = await em.execute<{ name: string; noted: string | null }[]>(
    `select secret_name as name, secret_version as noted from platform.tenant t
     where status <> 'PURGED' and not exists (
       select from platform.operation where subject_id = t.id and finished_at is null)`,
  );
  const gone = (await lateRemains(em)).map(({ secretName: name }) => ({ name, noted: null }));
  const differing: typeof quiet = [];
  await pLimit(SECRETS_AT_ONCE).map([...quiet, ...gone], async (each) => {
    if (signal.aborted) return;
    const newest = await ports.secrets.get(each.name).catch(() => undefined);
    if (newest !== undefined && (newest?.version ?? null) !== each.noted) differing.push(each);
  });
  await settleEach(ports, differing, by);
}

/** Purged tenants whose operation was taken over lately, so that a secret of them may have come back. */
export async function lateRemains(em: EntityManager): Promise<Tenant[]> {
  const ids = await em.execute<{ id: string }[]>(
    `select distinct t.id from platform.operation o join platform.tenant t on t.id = o.subject_id
     where o.taken_over_at > now() - interval '1 day' and t.status = 'PURGED'`,
  );
  if (ids.length === 0) return [];
  return await em.find(TenantEntity, { id: { $in: ids.map(({ id }) => id) } });
}
