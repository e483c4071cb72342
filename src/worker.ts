import { mailLinks } from "./invitations/mail-link.ts";
import { deliverPendingMail } from "./mail/deliver.ts";
import { startWorker, type Worker, type WorkerOptions } from "./operations/engine/engine.ts";
import type { Platform } from "./platform.ts";

/** Mails of one delivery; a failing mail server is not asked for thousands at once. */
const BATCH = 100;

/** Makes this process a worker of the platform: it runs operations and sends mail. */
export async function startPlatformWorker(
  platform: Platform,
  options: Pick<WorkerOptions, "retry"> = {},
): Promise<Worker> {
  const { orm, mailer, clock, credentials, config, log } = platform;
  const linkOf = mailLinks({ credentials, clock, tenantUrl: config.tenantUrl });
  return await startWorker({
    ...options,
    orm,
    log,
    url: platform.databaseUrl,
    definitions: [...platform.definitions.values()],
    deliverMail: async () => {
      const { failed } = await deliverPendingMail(
        { em: orm.em, mailer, linkOf, clock },
        { limit: BATCH },
      );
      if (failed > 0) throw new Error(`${failed} mails could not be sent`);
    },
  });
}
