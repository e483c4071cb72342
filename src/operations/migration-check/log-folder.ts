import type { MigrationSettings } from "../../migration-folders/migration-source.ts";
import type { Logger } from "../../observability/logger.ts";
import { checkMigrations } from "./check-migrations.ts";

/**
 * Logs how the folder of tenant migrations is read: one line as a service starts. One that cannot be
 * applied is warned of, and hinders nothing but provisioning and migrating. Never throws.
 */
export async function logMigrationFolder(log: Logger, settings: MigrationSettings): Promise<void> {
  try {
    const { dir, format, home, isolation, migrations, refusals } = await checkMigrations(settings);
    const [first] = refusals;
    if (first === undefined)
      log.info(
        { dir, format, home, isolation, migrations: migrations.length },
        "tenant migrations",
      );
    else
      log.warn(
        { dir, format, refusals: refusals.length, first },
        "tenant migrations cannot be applied: see tenantry migration check",
      );
  } catch (error) {
    log.warn({ err: error, dir: settings.dir }, "tenant migrations could not be read");
  }
}
