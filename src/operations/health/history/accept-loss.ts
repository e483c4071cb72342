import { type LostHistory, openLoss } from "../../../audit/lost-history.ts";
import { record } from "../../../audit/record.ts";
import type { EntityManager, Orm } from "../../../database/orm.ts";
import type { Actor } from "../../../iam/actor.ts";
import { authorize } from "../../../iam/grants.ts";
import type { SecretStore } from "../../../secrets/secret-store.ts";
import { withServers } from "../server-survey.ts";
import { allPlaces } from "./places.ts";
import { searchLoss, visitPlace } from "./visit-place.ts";

/** What searching for a loss needs. */
export interface LossPorts {
  readonly orm: Orm;
  readonly secrets: SecretStore;
  readonly config: { readonly dataDir: string };
}

/** Searches for a loss in every place that answers, and changes nothing; null where none is found. */
export const findLoss = ({ orm, secrets, config }: LossPorts): Promise<LostHistory | null> =>
  withServers(secrets, async (servers) => {
    const em = orm.em as EntityManager;
    return await searchLoss(
      em,
      await allPlaces(em.fork() as EntityManager, config.dataDir, servers),
    );
  });

/**
 * Accepts that the platform database has lost something: whoever can be let in by what it holds now is let in
 * again, and what was noted before proves nothing any more.
 *
 * @returns what was lost; null where nothing is known to be
 * @throws DomainError E_FORBIDDEN
 */
export async function acceptLoss(
  ports: LossPorts,
  actor: Actor,
  reason: string,
): Promise<LostHistory | null> {
  authorize(actor, "history:accept");
  await noticeLoss(ports);
  return await ports.orm.em.fork().transactional(async (transaction) => {
    const em = transaction as EntityManager;
    const loss = await openLoss(em);
    if (loss === null) return null;
    await em.execute(
      `update platform.lost_history set accepted_at = now(), accepted_by = ?, reason = ?
       where accepted_at is null`,
      [actor.id, reason],
    );
    record(em, actor, {
      type: "PLATFORM_LOSS_ACCEPTED",
      detail: {
        reason,
        notedRow: loss.noted?.sequence ?? null,
        keptRow: loss.kept?.sequence ?? null,
      },
    });
    return loss;
  });
}

/** Records a loss that no service has noticed, and raises the fence tokens. */
const noticeLoss = ({ orm, secrets, config }: LossPorts): Promise<void> =>
  withServers(secrets, async (servers) => {
    const em = orm.em as EntityManager;
    const places = await allPlaces(em.fork() as EntityManager, config.dataDir, servers);
    await Promise.allSettled(places.map((place) => visitPlace(em, place)));
  });
