import type { EntityManager } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { LIFECYCLE } from "../../tenants/lifecycle.ts";
import type { OperationCatalog } from "../catalog.ts";
import type { Operation } from "../engine/operation.entity.ts";
import type { StartPorts } from "../engine/start-operation.ts";
import { isBusy, lockSubject, startFollowUp } from "../start/follow-up.ts";
import { secondsUntil } from "./database-clock.ts";

/** The longest grace period: a week. */
export const MAX_GRACE_S = 7 * 86_400;

/** An operation that stands in the way ends before long. */
const BUSY_S = 5;
/** A login that could not be closed is tried again as long after as it is overdue, within these. */
const AGAIN_S = 300;
const AGAIN_AT_THE_LATEST_S = 6 * 3_600;

export interface GracePorts extends StartPorts {
  readonly operations: Pick<OperationCatalog, "retireCredentials">;
}

const PLATFORM: Actor = {
  kind: "SYSTEM",
  id: "credential-rotation",
  name: "end of the grace period",
  role: "ADMINISTRATOR",
  address: null,
};

/**
 * What the timer of a rotation does, in the caller's transaction: starts the closing of the old login
 * once its grace period has ended. It checks again for one that could not be closed, as long as it is
 * open; a tenant that is being removed loses its logins with everything else.
 */
export async function graceEnded(
  ports: GracePorts,
  em: EntityManager,
  rotation: Operation,
): Promise<void> {
  const tenant = await lockSubject(em, rotation);
  if (!tenant || tenant.retiringUntil === null) return;
  if (LIFECYCLE[tenant.status].RETIRE_CREDENTIALS !== "ALLOWED") return;
  const again = (seconds: number) => ports.queue.enqueueTimer(em, rotation.id, seconds);
  const left = await secondsUntil(em, tenant.retiringUntil);
  if (left > 0) return await again(left);
  if (await isBusy(em, tenant)) return await again(BUSY_S);
  await again(Math.min(Math.max(AGAIN_S, -left), AGAIN_AT_THE_LATEST_S));
  const reason = `the grace period of rotation ${rotation.id} has ended`;
  const request = { slug: tenant.slug, reason };
  await startFollowUp(ports, em, PLATFORM, ports.operations.retireCredentials, request);
}
