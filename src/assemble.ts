import { mkdir } from "node:fs/promises";
import {
  findEmbeddedPostgres,
  hasCluster,
  startEmbeddedPostgres,
} from "@tenantry/embedded-postgres";
import type { Config } from "./config.ts";
import { openDatabaseClock } from "./database/database-clock.ts";
import { refusePooledPlatform } from "./database/direct-platform.ts";
import { type EntityManager, type Orm, openOrm } from "./database/orm.ts";
import { openServerPools } from "./database/server-pools.ts";
import { UnfitPlatform } from "./database/unfit-platform.ts";
import { PLATFORM_ENTITIES } from "./entities.ts";
import { openStandings } from "./iam/standing.ts";
import type { SigningKeys } from "./iam/tokens/signing-keys.ts";
import { openInvitationCredentials } from "./invitations/credentials.ts";
import { type Clock, systemClock } from "./kernel/clock.ts";
import { fileMailer } from "./mail/file-mailer.ts";
import { smtpMailer } from "./mail/smtp-mailer.ts";
import { openLogger } from "./observability/logger.ts";
import { byKind, operationCatalog } from "./operations/catalog.ts";
import { openAppPasswords } from "./operations/credentials/app-passwords.ts";
import { openFeed } from "./operations/engine/feed.ts";
import { openQueue } from "./operations/engine/queue.ts";
import { openChanges, openSharedReads } from "./operations/engine/shared-reads.ts";
import { WORKER_MARK } from "./operations/engine/worker-sessions.ts";
import { openProcessHistory } from "./operations/health/history/process-history.ts";
import { expectPlatform, isThisVersion, upgradePlatform } from "./operations/platform-database.ts";
import { openClusters } from "./placement/cluster.ts";
import {
  ensureDefaultServer,
  hasDefaultServer,
  isDefaultServerCurrent,
} from "./placement/default-server.ts";
import { serverConnections } from "./placement/server-connections.ts";
import type { Platform } from "./platform.ts";
import { openSecretStore } from "./secrets/open-secret-store.ts";
import { type Tenant, TenantEntity } from "./tenants/tenant.entity.ts";

/** The name of the platform database in the embedded PostgreSQL. */
const EMBEDDED_DATABASE = "tenantry";

/** Parts that a test brings along instead of the real ones. */
export interface Replacements
  extends Partial<Pick<Platform, "log" | "clock" | "mailer" | "secrets">> {
  /** The clock of the machine, which the database's puts right. */
  readonly machineClock?: Clock;
}

/**
 * How the platform's database is come by. PREPARE makes what is absent and brings it to this version, as
 * services do. FIND, for commands, expects a platform of this version and changes nothing of it; the
 * embedded database, which is this folder's own, is brought to this version all the same. UPGRADE
 * prepares what a service needs, and asks no secret store on a platform that was set up before.
 */
export type Approach = "PREPARE" | "UPGRADE" | "FIND";

/**
 * Builds the platform: comes by its database, opens every part and joins them. The only place where
 * adapters are chosen; the secret store's is in `openSecretStore`.
 *
 * @throws UnfitPlatform where none of this version is found; Error with one clear line where a part
 *   cannot be had; what was opened before is closed again
 */
export async function assemble(
  config: Config,
  replace: Replacements = {},
  approach: Approach = "PREPARE",
): Promise<Platform> {
  const closers = new AsyncDisposableStack();
  try {
    const platform = await build(config, replace, approach, closers);
    const owned = closers.move();
    return { ...platform, close: () => owned.disposeAsync() };
  } catch (error) {
    await closers.disposeAsync();
    throw error;
  }
}

async function build(
  config: Config,
  replace: Replacements,
  approach: Approach,
  closers: AsyncDisposableStack,
): Promise<Omit<Platform, "close">> {
  const log = replace.log ?? openLogger(config.logLevel, config.logFormat);
  const { database } = config;
  if (approach === "FIND" && database.kind === "embedded") await expectCluster(database.dataDir);
  const asFound = approach === "FIND" && database.kind === "server";
  if (!asFound) await makeDataDir(config);
  const databaseUrl = await openDatabase(database, closers);
  const orms = await openOrms(databaseUrl, approach, closers);
  const { orm, reader, workerOrm } = orms;
  if (database.kind === "server") await refusePooledPlatform(databaseUrl);
  if (asFound) await expectPlatform(orm);
  else if (approach !== "FIND" || !(await isThisVersion(orm)))
    await upgradePlatform(orm, databaseUrl, log);
  const clock = replace.clock ?? (await openClock(orm, replace.machineClock, { log, closers }));
  const secretPorts = { em: workerOrm.em, log, existing: asFound };
  const secrets = replace.secrets ?? (await openSecretStore(config.secretStore, secretPorts));
  const keyPorts = { em: reader.em, secrets, clock };
  const pools = openServerPools();
  closers.defer(() => pools.close());
  if (!asFound && !(await isSetUp(approach, { orm, secrets }, databaseUrl)))
    await ensureDefaultServer({ orm, secrets }, databaseUrl);
  const feed = await openFeed({ url: databaseUrl, log });
  closers.defer(() => feed.close());
  const queue = openQueue(databaseUrl);
  closers.defer(() => queue.close());
  const credentials = late(() => openInvitationCredentials(keyPorts));
  const appPasswords = late(() => openAppPasswords(keyPorts));
  let signingKeys: SigningKeys | undefined;
  closers.defer(() => signingKeys?.close());
  const keys = late(async () => {
    const { openSigningKeys } = await import("./iam/tokens/signing-keys.ts");
    signingKeys = await openSigningKeys(keyPorts);
    return signingKeys;
  });
  const openKeys = async () => {
    for (const each of [credentials, appPasswords, keys]) await each.open();
  };
  if (approach === "PREPARE") await openKeys();
  const servers = serverConnections(pools, secrets);
  const history = openProcessHistory();
  const operations = operationCatalog({
    orm: workerOrm,
    secrets,
    queue,
    clock,
    credentials: credentials.part,
    appPasswords: appPasswords.part,
    servers,
    schemaPrefix: config.tenantSchemaPrefix,
    secretNameTemplate: config.secretNameTemplate,
    limits: config.tenantLimits,
    migrations: config.tenantMigrations,
    seeds: config.tenantSeeds,
  });
  return {
    config,
    log,
    clock,
    ...orms,
    databaseUrl,
    secrets,
    servers,
    clusters: openClusters(servers),
    credentials: credentials.part,
    keys: keys.part,
    openKeys,
    history,
    standings: openStandings(reader.em, history),
    issuer: await openIssuer(config, { clock, log }),
    mailer: replace.mailer ?? openMailer(config, clock),
    queue,
    feed,
    reads: openSharedReads(reader),
    changedTenants: openChanges<Tenant>(reader, TenantEntity),
    operations,
    definitions: byKind(operations),
  };
}

/** The clock that everything goes by: the database's, since the clocks of machines differ. */
async function openClock(
  orm: Orm,
  machine: Clock = systemClock,
  { log, closers }: { readonly log: Platform["log"]; readonly closers: AsyncDisposableStack },
): Promise<Clock> {
  const { clock, stop } = await openDatabaseClock(orm, machine, (differenceMs) =>
    log.warn({ differenceMs }, "this machine's clock and the database's differ: use NTP"),
  );
  closers.defer(stop);
  return clock;
}

/** The external issuer, where one is configured. */
async function openIssuer(
  { singleSignOn }: Config,
  ports: Pick<Platform, "clock" | "log">,
): Promise<Platform["issuer"]> {
  if (!singleSignOn) return null;
  const { openExternalIssuer } = await import("./iam/single-sign-on/external-issuer.ts");
  return openExternalIssuer(singleSignOn, ports);
}

/** A part that is opened by itself when somebody is about to need it; before that it fails. */
function late<T extends object>(openPart: () => Promise<T>): { part: T; open(): Promise<void> } {
  let opened: T | undefined;
  let opening: Promise<T> | undefined;
  const part = new Proxy({} as T, {
    get: (_none, name) => {
      if (opened === undefined) throw new Error("The platform's keys were not opened");
      return Reflect.get(opened, name);
    },
  });
  const open = async () => {
    if (opened !== undefined) return;
    opening ??= openPart();
    // What failed may be tried again.
    opened = await opening.finally(() => {
      opening = undefined;
    });
  };
  return { part, open };
}

/**
 * Opens the ORM: in a service three times, so that writes that wait for a lock or a standby, readers and
 * the worker do not wait for each other's connections. A command does one thing at a time.
 */
async function openOrms(
  url: string,
  approach: Approach,
  closers: AsyncDisposableStack,
): Promise<Pick<Platform, "orm" | "reader" | "workerOrm">> {
  const open = async (poolSize: number, part?: string) => {
    const orm = openOrm({
      url,
      entities: PLATFORM_ENTITIES,
      poolSize,
      ...(part ? { part } : {}),
    });
    closers.defer(() => orm.close());
    return orm;
  };
  const orm = await open(10);
  if (approach === "FIND") return { orm, reader: orm, workerOrm: orm };
  return {
    orm,
    reader: await open(5, "reader"),
    workerOrm: await open(10, `worker ${WORKER_MARK}`),
  };
}

/** Expects an embedded platform in the data folder, before a database is made there. */
async function expectCluster(dataDir: string): Promise<void> {
  if (await hasCluster(dataDir)) return;
  throw new UnfitPlatform(
    `There is no platform in ${dataDir}: run this in the service's folder, or set DATA_DIR or DATABASE_URL as the service has them. A new one is made by npm start, \`tenantry serve\` or \`tenantry db upgrade\``,
  );
}

async function makeDataDir({ dataDir }: Config): Promise<void> {
  await mkdir(dataDir, { recursive: true }).catch((error: Error) => {
    throw new Error(`DATA_DIR ${dataDir} cannot be made: ${error.message}`, { cause: error });
  });
}

/** Whether the platform's own server need not be prepared again: services always do. */
async function isSetUp(
  approach: Approach,
  ports: Pick<Platform, "orm" | "secrets">,
  databaseUrl: string,
): Promise<boolean> {
  switch (approach) {
    case "PREPARE":
      return false;
    case "UPGRADE":
      return await hasDefaultServer(ports.orm.em.fork() as EntityManager);
    case "FIND":
      return await isDefaultServerCurrent(ports, databaseUrl);
  }
}

/** The connection URL of the platform database; null for an embedded one that does not run. Opens nothing. */
export async function findPlatformUrl(database: Config["database"]): Promise<string | null> {
  if (database.kind === "server") return database.url;
  return await findEmbeddedPostgres({ dataDir: database.dataDir, database: EMBEDDED_DATABASE });
}

/** The connection URL of the platform database, which is started where it is the embedded one. */
async function openDatabase(
  database: Config["database"],
  closers: AsyncDisposableStack,
): Promise<string> {
  switch (database.kind) {
    case "server":
      return database.url;
    case "embedded": {
      const { dataDir } = database;
      const postgres = await startEmbeddedPostgres({ dataDir, database: EMBEDDED_DATABASE });
      closers.defer(async () => {
        await postgres.release();
      });
      return postgres.url;
    }
  }
}

const openMailer = ({ smtpUrl, mailFrom, dataDir }: Config, clock: Platform["clock"]) =>
  smtpUrl === undefined
    ? fileMailer({ dataDir, from: mailFrom, clock })
    : smtpMailer({ url: smtpUrl, from: mailFrom });
