import { platformConfig } from "../database/connect.ts";
import { readConnectionUrl, type Tls } from "../database/connection-url.ts";
import type { EntityManager, Orm } from "../database/orm.ts";
import { withConnection } from "../database/own-connection.ts";
import { newId } from "../kernel/ids.ts";
import type { SecretStore } from "../secrets/secret-store.ts";
import { ADMIN_SECRET_PURPOSE } from "./admin-login.ts";
import { type DbServer, DbServerEntity } from "./db-server.entity.ts";
import { type Enter, prepareServer, tenantDatabaseOf } from "./prepare-server.ts";
import { writeMark } from "./server-mark.ts";

/** The name of the server that the platform itself lives on. */
export const DEFAULT_SERVER = "default";
export const DEFAULT_ADMIN_SECRET = "db-server-default";
const CAPACITY = 10_000;

interface DefaultServerPorts {
  readonly orm: Orm;
  readonly secrets: SecretStore;
}

/**
 * Registers the platform's own server as the db server `default` and prepares its shared tenant
 * database. Called at every start: the address and the admin's password follow the configuration; what
 * operators set (region, capacity, status, labels) stays.
 *
 * @param url connection URL of the platform database, as a role that may create databases and roles
 */
export async function ensureDefaultServer(
  { orm, secrets }: DefaultServerPorts,
  url: string,
): Promise<DbServer> {
  const at = readConnectionUrl(url);
  // A platform database that was restored under another name keeps its tenants' database.
  const known = await orm.em.fork().findOne(DbServerEntity, { name: DEFAULT_SERVER });
  const tenantDatabase = known?.tenantDatabase ?? tenantDatabaseOf(url);
  const enter: Enter = (database, work) =>
    withConnection({ ...platformConfig(url), database }, work);
  await prepareServer(enter, {
    maintenance: at.database,
    closed: at.database,
    tenantDatabase,
  });
  const stored = await secrets.get(DEFAULT_ADMIN_SECRET);
  if (stored?.value !== url)
    await secrets.set(DEFAULT_ADMIN_SECRET, url, { purpose: ADMIN_SECRET_PURPOSE });
  const server = await orm.em.fork().transactional((em) =>
    register(em as EntityManager, {
      host: at.host,
      port: at.port,
      tlsMode: tlsModeOf(at.tls),
      tenantDatabase,
    }),
  );
  const mark = { platform: server.id, dbServer: server.name };
  await enter(tenantDatabase, (client) => writeMark(client, mark));
  return server;
}

/** Whether the platform's own server is registered, which is about the last that a first start does. */
export const hasDefaultServer = async (em: EntityManager): Promise<boolean> =>
  (await em.count(DbServerEntity, { name: DEFAULT_SERVER })) > 0;

/** Whether the platform's own server is registered at the configuration's address, with its password. */
export async function isDefaultServerCurrent(
  { orm, secrets }: DefaultServerPorts,
  url: string,
): Promise<boolean> {
  const known = await orm.em.fork().findOne(DbServerEntity, { name: DEFAULT_SERVER });
  const { host, port, tls } = readConnectionUrl(url);
  const isThere = known?.host === host && known.port === port && known.tlsMode === tlsModeOf(tls);
  return isThere && (await secrets.get(DEFAULT_ADMIN_SECRET))?.value === url;
}

type Whereabouts = Pick<DbServer, "host" | "port" | "tlsMode" | "tenantDatabase">;

async function register(em: EntityManager, at: Whereabouts): Promise<DbServer> {
  await em.execute(
    `insert into platform.db_server
       (id, name, region, host, port, tls_mode, kind, capacity_hint, admin_secret_ref, tenant_database, status)
     values (?, ?, 'local', ?, ?, ?, 'POSTGRES', ?, ?, ?, 'ACTIVE')
     on conflict (name) do update set host = excluded.host, port = excluded.port,
       tls_mode = excluded.tls_mode, updated_at = now()
     where (db_server.host, db_server.port, db_server.tls_mode) <> (excluded.host, excluded.port, excluded.tls_mode)`,
    [
      newId(),
      DEFAULT_SERVER,
      at.host,
      at.port,
      at.tlsMode,
      CAPACITY,
      DEFAULT_ADMIN_SECRET,
      at.tenantDatabase,
    ],
  );
  return await em.findOneOrFail(DbServerEntity, { name: DEFAULT_SERVER });
}

/** The TLS mode that stands for libpq's; a mode between two is kept by the login's own parameters. */
const tlsModeOf = ({ mode }: Tls): DbServer["tlsMode"] =>
  mode === "disable" ? "DISABLE" : mode === "verify-full" ? "VERIFY_FULL" : "REQUIRE";
