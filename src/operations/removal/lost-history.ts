import { historyLost } from "../../audit/lost-history.ts";
import type { TenantPorts } from "../tenant-ports.ts";

/**
 * Refuses to delete for an operation that is older than a loss of the platform database which nobody has
 * accepted: as after a restore from a dump, where it ended long ago and what it would undo or purge is in use.
 * One that was asked for since is let pass.
 *
 * @throws DomainError E_HISTORY_LOST
 */
export async function refuseOldDeletion(
  { orm }: Pick<TenantPorts, "orm">,
  { operationId }: { readonly operationId: string },
): Promise<void> {
  const rows = await orm.em.fork().execute(
    `select from platform.lost_history loss join platform.operation o on o.id = ?
     where loss.accepted_at is null and o.created_at < loss.noticed_at`,
    [operationId],
  );
  if (rows.length > 0) throw historyLost();
}
