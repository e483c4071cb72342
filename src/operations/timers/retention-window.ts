import type { EntityManager } from "../../database/orm.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import type { StartPorts } from "../engine/start-operation.ts";
import { secondsUntil, timeIn } from "./database-clock.ts";

export const DAY_S = 86_400;

/** The longest window: ten years. */
export const MAX_RETENTION_DAYS = 3650;

/** The end of a window that begins now. */
export const windowEnd = (em: EntityManager, days: number): Promise<Date> =>
  timeIn(em, days * DAY_S);

/**
 * Refuses a tenant whose retention window runs, or has not begun.
 *
 * @throws DomainError E_RETENTION_RUNNING
 */
export async function refuseRunningWindow(em: EntityManager, tenant: Tenant): Promise<void> {
  const { slug, purgeAfter } = tenant;
  if (purgeAfter !== null && (await secondsUntil(em, purgeAfter)) <= 0) return;
  if (purgeAfter === null)
    throw new DomainError("E_RETENTION_RUNNING", {
      message: `Tenant '${slug}' is not offboarded: its retention window has not begun`,
      nextAction:
        "Take it out of use first with `offboardTenant`, or purge at once with `immediately` and a `reason`.",
    });
  throw new DomainError("E_RETENTION_RUNNING", {
    message: `The retention window of tenant '${slug}' ends at ${purgeAfter.toISOString()}`,
  });
}

/** Sets the timer of an offboarding's window, in the caller's transaction. */
export async function setTimer(
  { queue }: Pick<StartPorts, "queue">,
  em: EntityManager,
  offboarding: string,
  purgeAfter: Date,
): Promise<void> {
  await queue.enqueueTimer(em, offboarding, await secondsUntil(em, purgeAfter));
}
