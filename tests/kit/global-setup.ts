import { rm } from "node:fs/promises";
import { env } from "node:process";
import type { TestProject } from "vitest/node";
import { startEmbeddedPostgres } from "../../packages/embedded-postgres/src/index.ts";
import { migratePlatform, openOrm } from "../../src/database/orm.ts";
import { PLATFORM_ENTITIES } from "../../src/entities.ts";
import { migrateEngine } from "../../src/operations/engine/engine-tables.ts";
import { CARELESS, makeServerFolder } from "./folders.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Connection URL of the run's PostgreSQL, as its superuser, in the database `postgres`. */
    postgresUrl: string;
    /** Connection URL of a Citus coordinator, as its superuser; null where there is none. */
    citusUrl: string | null;
  }
}

/** The migrated platform database that every test file clones. */
export const TEMPLATE = "tenantry_template";

/** Starts the run's one PostgreSQL and migrates the template. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await makeServerFolder("tenantry-tests-");
  // The log stays small: the folder may lie in memory.
  const settings = {
    ...CARELESS,
    max_wal_size: "256MB",
    // What can hold a database against its end.
    wal_level: "logical",
    max_prepared_transactions: "10",
  };
  const postgres = await startEmbeddedPostgres({ dataDir, database: TEMPLATE, settings });
  const orm = openOrm({ url: postgres.url, entities: PLATFORM_ENTITIES });
  await migratePlatform(orm, postgres.url);
  await orm.close();
  await migrateEngine(postgres.url);
  const url = new URL(postgres.url);
  url.pathname = "/postgres";
  project.provide("postgresUrl", url.href);
  // biome-ignore lint/style/noProcessEnv: a setting of the suite, and none of the product
  project.provide("citusUrl", env.CITUS_URL ?? null);
  return async () => {
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
