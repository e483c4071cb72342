import { mkdir } from "node:fs/promises";
import type { Config } from "./config.ts";
import { startEmbeddedPostgres } from "./database/embedded/index.ts";
import { isConnectionLoss } from "./database/faults.ts";
import { migratePlatform, type Orm, openOrm, refusePooledPlatform } from "./database/orm.ts";
import { openServerPools } from "./database/server-pools.ts";
import { PLATFORM_ENTITIES } from "./entities.ts";
import { openExternalIssuer } from "./iam/single-sign-on/external-issuer.ts";
import { openSigningKeys } from "./iam/tokens/signing-keys.ts";
import { openInvitationCredentials } from "./invitations/credentials.ts";
import { systemClock } from "./kernel/clock.ts";
import { fileMailer } from "./mail/file-mailer.ts";
import { smtpMailer } from "./mail/smtp-mailer.ts";
import { openLogger } from "./observability/logger.ts";
import { byKind, operationCatalog } from "./operations/catalog.ts";
import { migrateEngine } from "./operations/engine/engine.ts";
import { openFeed } from "./operations/engine/feed.ts";
import { openEventPages } from "./operations/engine/follow.ts";
import { openQueue } from "./operations/engine/queue.ts";
import { openAppPasswords } from "./operations/parts/app-passwords.ts";
import { ensureDefaultServer } from "./placement/default-server.ts";
import { serverConnections } from "./placement/server-connections.ts";
import type { Platform } from "./platform.ts";
import { openKeyVaultStore } from "./secrets/key-vault-store.ts";
import { openLocalSecretStore } from "./secrets/local-secret-store.ts";

/** The name of the platform database in the embedded PostgreSQL. */
const EMBEDDED_DATABASE = "tenantry";

/** Parts that a test brings along instead of the real ones. */
export type Replacements = Partial<Pick<Platform, "log" | "clock" | "mailer" | "secrets">>;

/**
 * Builds the platform: finds or starts its database, migrates it, opens every part and joins them.
 * The only place where adapters are chosen.
 *
 * @throws Error with one clear line where a part cannot be had; what was opened before is closed again
 */
export async function assemble(config: Config, replace: Replacements = {}): Promise<Platform> {
  const closers = new AsyncDisposableStack();
  try {
    const platform = await build(config, replace, closers);
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
  closers: AsyncDisposableStack,
): Promise<Omit<Platform, "close">> {
  const { dataDir } = config;
  const log = replace.log ?? openLogger(config.logLevel);
  const clock = replace.clock ?? systemClock;
  await mkdir(dataDir, { recursive: true }).catch((error: Error) => {
    throw new Error(`DATA_DIR ${dataDir} cannot be made: ${error.message}`, { cause: error });
  });
  const databaseUrl = config.databaseUrl ?? (await openEmbedded(config, closers));
  const orm = await openOrm({ url: databaseUrl, entities: PLATFORM_ENTITIES });
  closers.defer(() => orm.close());
  await enterPlatform(orm, config, databaseUrl).catch((error: unknown) => {
    throw isConnectionLoss(error) ? unreachable(databaseUrl, error) : error;
  });
  await migrateEngine(databaseUrl);
  const secrets = replace.secrets ?? (await openSecrets(config, { em: orm.em, log }));
  const keyPorts = { em: orm.em, secrets, clock };
  const pools = openServerPools();
  closers.defer(() => pools.close());
  await ensureDefaultServer({ orm, secrets }, databaseUrl);
  const feed = await openFeed({ url: databaseUrl, log });
  closers.defer(() => feed.close());
  const queue = await openQueue(databaseUrl);
  closers.defer(() => queue.close());
  const credentials = await openInvitationCredentials(keyPorts);
  const operations = operationCatalog({
    orm,
    secrets,
    queue,
    clock,
    credentials,
    appPasswords: await openAppPasswords(keyPorts),
    servers: serverConnections(pools, secrets),
    schemaPrefix: config.tenantSchemaPrefix,
    secretNameTemplate: config.secretNameTemplate,
    migrationsDir: config.tenantMigrationsDir,
    seedsDir: config.tenantSeedsDir,
  });
  return {
    config,
    log,
    clock,
    orm,
    databaseUrl,
    secrets,
    credentials,
    keys: await openSigningKeys(keyPorts),
    issuer: config.singleSignOn ? openExternalIssuer(config.singleSignOn, { clock, log }) : null,
    mailer: replace.mailer ?? openMailer(config, clock),
    queue,
    feed,
    pages: openEventPages(orm),
    operations,
    definitions: byKind(operations),
  };
}

/** Migrates the platform's database; one that is not the embedded one is looked at first. */
async function enterPlatform(orm: Orm, config: Config, databaseUrl: string): Promise<void> {
  if (config.databaseUrl !== undefined) await refusePooledPlatform(databaseUrl);
  await migratePlatform(orm, databaseUrl);
}

function unreachable(databaseUrl: string, cause: unknown): Error {
  const { host, pathname } = new URL(databaseUrl);
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Error(`The platform database ${host}${pathname} cannot be reached: ${why}`, { cause });
}

async function openEmbedded({ dataDir }: Config, closers: AsyncDisposableStack): Promise<string> {
  const postgres = await startEmbeddedPostgres({ dataDir, database: EMBEDDED_DATABASE });
  closers.defer(async () => {
    await postgres.release();
  });
  return postgres.url;
}

const openSecrets = async (
  { keyVaultUrl, dataDir }: Config,
  { em, log }: { em: Platform["orm"]["em"]; log: Platform["log"] },
): Promise<Platform["secrets"]> =>
  keyVaultUrl === undefined
    ? await openLocalSecretStore({ em, dataDir })
    : openKeyVaultStore({ url: keyVaultUrl, log });

const openMailer = ({ smtpUrl, mailFrom, dataDir }: Config, clock: Platform["clock"]) =>
  smtpUrl === undefined
    ? fileMailer({ dataDir, from: mailFrom, clock })
    : smtpMailer({ url: smtpUrl, from: mailFrom });
