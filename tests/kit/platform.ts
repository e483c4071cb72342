import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { assemble, type Replacements } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { createPlatformUser } from "../../src/iam/users/platform-users.ts";
import type { Worker, WorkerOptions } from "../../src/operations/engine/engine.ts";
import type { AnyOperation } from "../../src/operations/engine/phase.ts";
import type { Platform } from "../../src/platform.ts";
import { startPlatformWorker } from "../../src/worker.ts";
import { createDatabase, freshName } from "./database.ts";
import { type Around, wrapOperations } from "./wrap.ts";

/** A tenant schema of three files: its folders by the settings that name them. */
export const SMALL = {
  TENANT_MIGRATIONS_DIR: join(import.meta.dirname, "fixtures/small/migrations"),
  TENANT_SEEDS_DIR: join(import.meta.dirname, "fixtures/small/seeds"),
};
/** The schema and the seeds that come with Tenantry. */
export const BUNDLED = {
  TENANT_MIGRATIONS_DIR: join(import.meta.dirname, "../../migrations/tenant"),
  TENANT_SEEDS_DIR: join(import.meta.dirname, "../../seeds/tenant"),
};
const ADMIN = { email: "root@tenantry.test", password: "seven quiet herons wait" };

/** The environment of a platform on a database of the run's server. */
export const testEnvironment = (databaseUrl: string, dataDir: string): Record<string, string> => ({
  NODE_ENV: "test",
  PORT: "0",
  LOG_LEVEL: "silent",
  DATABASE_URL: databaseUrl,
  DATA_DIR: dataDir,
  PLATFORM_ADMIN_EMAIL: ADMIN.email,
  PLATFORM_ADMIN_PASSWORD: ADMIN.password,
  ...SMALL,
});

/** A platform of a test's own. */
export interface TestPlatform extends AsyncDisposable {
  readonly platform: Platform;
  readonly environment: Record<string, string>;
  readonly dataDir: string;
  /** Creates a READONLY platform user with this password. */
  newUser(password: string): Promise<{ email: string }>;
  /** Starts the one worker that a process can have, with a test's doings around the phases. */
  startWorker(around?: Around, options?: TestWorkerOptions): Promise<Worker>;
}

interface TestWorkerOptions extends Pick<WorkerOptions, "retry"> {
  /** Takes the place of the operation of its kind. */
  readonly instead?: AnyOperation;
}

interface PlatformOptions {
  /** Overrides of the environment. */
  readonly environment?: Record<string, string>;
  readonly replace?: Replacements;
  /** Whether a worker is started at once, and what is done around the phases that it runs. */
  readonly worker?: true | Around;
}

/**
 * What was told as E_INTERNAL and is no failure that a test has planned: a bug, whatever the test is
 * about. Everything that a file, a server or a request can cause has a code of its own.
 */
function bugOf(line: string): string[] {
  const { code, err = {} } = JSON.parse(line) as { code?: string; err?: { message?: string } };
  const planned = err.message?.startsWith("planned") === true;
  return code === "E_INTERNAL" && !planned ? [line] : [];
}

/** Opens a platform on a fresh clone of the migrated database, with a small tenant schema. */
export async function openPlatform(options: PlatformOptions = {}): Promise<TestPlatform> {
  const database = await createDatabase("platform");
  const dataDir = await mkdtemp(join(tmpdir(), "tenantry-test-"));
  const environment = { ...testEnvironment(database.url, dataDir), ...options.environment };
  const bugs: string[] = [];
  const log = pino({ level: "error" }, { write: (line) => void bugs.push(...bugOf(line)) });
  const platform = await assemble(readConfig(environment), { log, ...options.replace });
  let worker: Worker | undefined;
  const startWorker: TestPlatform["startWorker"] = async (around, { instead, ...more } = {}) => {
    const own = new Map(platform.definitions);
    if (instead) own.set(instead.kind, instead);
    const definitions = around ? wrapOperations(own, around) : own;
    worker = await startPlatformWorker({ ...platform, definitions }, more);
    return worker;
  };
  if (options.worker) await startWorker(options.worker === true ? undefined : options.worker);
  return {
    platform,
    environment,
    dataDir,
    newUser: async (password) => {
      const actor = { kind: "SYSTEM", id: "tests", name: "tests", address: null } as const;
      const email = `${freshName("user")}@tenantry.test`;
      const ports = { em: platform.orm.em, clock: platform.clock };
      await createPlatformUser(ports, actor, { email, name: "A user", role: "READONLY", password });
      return { email };
    },
    startWorker,
    [Symbol.asyncDispose]: async () => {
      await worker?.stop(2_000);
      await platform.close();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
      if (bugs.length > 0) throw new Error(`told as E_INTERNAL:\n${bugs.join("\n")}`);
    },
  };
}
