import type { EntityManager } from "./database/orm.ts";
import { mailLinks } from "./invitations/mail-link.ts";
import { newId } from "./kernel/ids.ts";
import { deliverPendingMail, nextDelivery } from "./mail/deliver.ts";
import { startWorker, type Worker, type WorkerOptions } from "./operations/engine/engine.ts";
import { fingerprints } from "./operations/health/fingerprint.ts";
import { watchLateSecrets } from "./operations/health/late-secrets.ts";
import { RECONCILER, reconcile } from "./operations/health/reconcile.ts";
import { fenceOff } from "./operations/site/databases.ts";
import { timerEnded } from "./operations/timers/timers.ts";
import type { Platform } from "./platform.ts";

/** Mails of one delivery. */
const BATCH = 100;

/**
 * Makes this process a worker of the platform: it runs operations and sends mail. Reconciles the
 * tenants once, behind the start.
 */
export async function startPlatformWorker(
  { workerOrm, ...doors }: Platform,
  options: Pick<WorkerOptions, "retry" | "pollEveryMs" | "beatMs" | "timeToLiveMs" | "hungMs"> = {},
): Promise<Worker> {
  const platform: Platform = { ...doors, workerOrm, orm: workerOrm };
  const { orm, mailer, clock, credentials, config, log } = platform;
  await platform.openKeys();
  const linkOf = mailLinks({ credentials, clock, tenantUrl: config.tenantUrl });
  const worker = await startWorker({
    ...options,
    orm,
    log,
    queue: platform.queue,
    feed: platform.feed,
    url: platform.databaseUrl,
    definitions: [...platform.definitions.values()],
    timerEnded: (em, operationId) => timerEnded(platform, em, operationId),
    fingerprint: fingerprints(config),
    endSessions: () => platform.servers.abandon(),
    fenceOff: (run) => fenceOff(platform, run),
    deliverMail: async () => {
      const mails = { em: orm.em, mailer, linkOf, clock };
      const { postponed, failed } = await deliverPendingMail(mails, { limit: BATCH });
      if (failed > 0) log.error({ failed }, "mails were refused for good, or given up");
      if (postponed > 0) log.warn({ postponed }, "mails could not be sent, and are tried again");
      return (await nextDelivery(orm.em))?.getTime() ?? null;
    },
  });
  // What waits in the outbox does not depend on the process that put it there.
  await orm.em
    .fork()
    .transactional((em) => platform.queue.enqueueMail(em as EntityManager, `mail-${newId()}`));
  const stopping = new AbortController();
  const reconciled = reconcile(platform, log, stopping.signal).catch((error: unknown) =>
    log.error({ err: error }, "tenants could not be reconciled"),
  );
  const endWatch = watchLateSecrets(platform, RECONCILER);
  return {
    ...worker,
    stop: async (graceMs) => {
      stopping.abort();
      await Promise.all([reconciled, endWatch()]);
      await worker.stop(graceMs);
    },
  };
}
