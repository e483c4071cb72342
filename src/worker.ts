import { mailLinks } from "./invitations/mail-link.ts";
import { deliverPendingMail } from "./mail/deliver.ts";
import { startWorker, type Worker, type WorkerOptions } from "./operations/engine/engine.ts";
import { reconcile } from "./operations/health/reconcile.ts";
import { timerEnded } from "./operations/parts/timers.ts";
import type { Platform } from "./platform.ts";

/** Mails of one delivery; a failing mail server is not asked for thousands at once. */
const BATCH = 100;

/**
 * Makes this process a worker of the platform: it runs operations and sends mail. Reconciles the
 * tenants once, behind the start.
 */
export async function startPlatformWorker(
  platform: Platform,
  options: Pick<WorkerOptions, "retry"> = {},
): Promise<Worker> {
  const { orm, mailer, clock, credentials, config, log } = platform;
  const linkOf = mailLinks({ credentials, clock, tenantUrl: config.tenantUrl });
  const worker = await startWorker({
    ...options,
    orm,
    log,
    queue: platform.queue,
    url: platform.databaseUrl,
    definitions: [...platform.definitions.values()],
    timerEnded: (em, operationId) => timerEnded(platform, em, operationId),
    deliverMail: async () => {
      const { failed } = await deliverPendingMail(
        { em: orm.em, mailer, linkOf, clock },
        { limit: BATCH },
      );
      if (failed > 0) throw new Error(`${failed} mails could not be sent`);
    },
  });
  const stopping = new AbortController();
  const reconciled = reconcile(platform, log, stopping.signal).catch((error: unknown) =>
    log.error({ err: error }, "tenants could not be reconciled"),
  );
  return {
    stop: async (graceMs) => {
      stopping.abort();
      await reconciled;
      await worker.stop(graceMs);
    },
  };
}
