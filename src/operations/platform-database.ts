import { type EntityManager, migratePlatform, type Orm } from "../database/orm.ts";
import { expectThisVersion, platformVersion } from "../database/platform-version.ts";
import { UnfitPlatform } from "../database/unfit-platform.ts";
import type { Logger } from "../observability/logger.ts";
import { hasDefaultServer } from "../placement/default-server.ts";
import { expectEngineTables, migrateEngine } from "./engine/engine-tables.ts";

/**
 * Brings the platform's database to this version. One that is ahead is fine: migrations only add.
 *
 * @param databaseUrl connection URL of the platform database
 */
export async function upgradePlatform(orm: Orm, databaseUrl: string, log: Logger): Promise<void> {
  await migratePlatform(orm, databaseUrl);
  await migrateEngine(databaseUrl);
  const { unknown } = await platformVersion(orm.em.fork());
  if (unknown.length > 0) log.warn({ unknown }, "the platform database is newer than this program");
}

/** Whether the platform's database is of this version: so that a command, mostly, need not upgrade it. */
export async function isThisVersion(orm: Orm): Promise<boolean> {
  try {
    await expectVersion(orm.em.fork() as EntityManager);
    return true;
  } catch (error) {
    if (error instanceof UnfitPlatform) return false;
    throw error;
  }
}

async function expectVersion(em: EntityManager): Promise<void> {
  expectThisVersion(await platformVersion(em));
  await expectEngineTables(em);
}

/**
 * Expects the platform's database to be of this version and set up, and changes nothing of it.
 *
 * @throws UnfitPlatform saying what to do
 */
export async function expectPlatform(orm: Orm): Promise<void> {
  const em = orm.em.fork() as EntityManager;
  await expectVersion(em);
  if (await hasDefaultServer(em)) return;
  throw new UnfitPlatform(
    "The platform database was not set up to its end: do so with `tenantry db upgrade`",
  );
}
