import type pg from "pg";
import type { EntityManager, Orm } from "../database/orm.ts";
import { withConnection } from "../database/own-connection.ts";
import { newId } from "../kernel/ids.ts";
import type { SecretStore } from "../secrets/secret-store.ts";
import { ADMIN_SECRET_PURPOSE } from "./admin-login.ts";
import { type DbServer, DbServerEntity } from "./db-server.entity.ts";
import { prepareServer, tenantDatabaseOf } from "./prepare-server.ts";
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
  const at = new URL(url);
  const platformDatabase = decodeURIComponent(at.pathname.slice(1));
  const tenantDatabase = tenantDatabaseOf(url);
  await prepareServer((database, work) => withConnection(entry(url, database), work), {
    ...{ maintenance: platformDatabase, closed: platformDatabase },
    tenantDatabase,
  });
  const stored = await secrets.get(DEFAULT_ADMIN_SECRET);
  if (stored?.value !== url)
    await secrets.set(DEFAULT_ADMIN_SECRET, url, { purpose: ADMIN_SECRET_PURPOSE });
  const server = await orm.em.fork().transactional((em) =>
    register(em as EntityManager, {
      host: at.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: Number(at.port || 5432),
      tlsMode: tlsModeOf(at),
      tenantDatabase,
    }),
  );
  const mark = { platform: server.id, dbServer: server.name };
  await withConnection(entry(url, tenantDatabase), (client) => writeMark(client, mark));
  return server;
}

/** Whether the platform's own server is registered, which is about the last that a first start does. */
export const hasDefaultServer = async (em: EntityManager): Promise<boolean> =>
  (await em.count(DbServerEntity, { name: DEFAULT_SERVER })) > 0;

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

/** The TLS mode that a connection URL's `sslmode` asks for, as libpq names them. */
function tlsModeOf(url: URL): DbServer["tlsMode"] {
  const mode = url.searchParams.get("sslmode") ?? "disable";
  if (mode === "verify-full" || mode === "verify-ca") return "VERIFY_FULL";
  return mode === "require" || mode === "prefer" || mode === "no-verify" ? "REQUIRE" : "DISABLE";
}

/** How another database of the same server is entered. */
function entry(url: string, database: string): pg.ClientConfig {
  const other = new URL(url);
  other.pathname = `/${encodeURIComponent(database)}`;
  return { connectionString: other.href, application_name: "tenantry" };
}
