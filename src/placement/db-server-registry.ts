import type { EntityManager, Orm } from "../database/orm.ts";
import type { Clock } from "../kernel/clock.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { SecretStore } from "../secrets/secret-store.ts";
import { type DbServer, DbServerEntity } from "./db-server.entity.ts";
import { DEFAULT_SERVER } from "./default-server.ts";
import { lockPlacement } from "./placement.ts";

/** What looking after db servers works with; a platform is one. */
export interface DbServerPorts {
  readonly orm: Orm;
  readonly secrets: SecretStore;
  readonly clock: Clock;
  readonly databaseUrl: string;
  readonly config: { readonly mode: string; readonly dbServerHosts: readonly string[] };
}

/** Finds a db server by its name. @throws DomainError E_DB_SERVER_NOT_FOUND */
export async function dbServerByName(em: EntityManager, name: string): Promise<DbServer> {
  const server = await em.findOne(DbServerEntity, { name });
  if (server) return server;
  throw new DomainError("E_DB_SERVER_NOT_FOUND", { message: `Db server '${name}' not found` });
}

/** What tells this platform from others: the id of its own db server, which it has from the first start. */
export const platformId = async (em: EntityManager): Promise<string> =>
  (await em.findOneOrFail(DbServerEntity, { name: DEFAULT_SERVER })).id;

/** A fresh look at the registry, outside of any transaction. */
export const look = ({ orm }: Pick<DbServerPorts, "orm">): EntityManager =>
  orm.em.fork() as EntityManager;

/** Writes while nobody is placed: who places sees all of it or nothing. */
export const writeServers = <T>(
  { orm }: Pick<DbServerPorts, "orm">,
  work: (em: EntityManager) => Promise<T>,
): Promise<T> =>
  orm.em.fork().transactional(async (transaction) => {
    const em = transaction as EntityManager;
    await lockPlacement(em);
    return await work(em);
  });

/**
 * Refuses a name or an address that another server has.
 *
 * @throws DomainError E_DB_SERVER_EXISTS
 */
export async function refuseTaken(
  em: EntityManager,
  { id, name, host, port }: Pick<DbServer, "name" | "host" | "port"> & { readonly id?: string },
): Promise<void> {
  const others = id === undefined ? {} : { id: { $ne: id } };
  const taken = await em.findOne(DbServerEntity, { $or: [{ name }, { host, port }], ...others });
  if (!taken) return;
  throw new DomainError("E_DB_SERVER_EXISTS", {
    message:
      taken.name === name
        ? `A db server '${name}' exists already`
        : `The db server '${taken.name}' is at ${host}:${port} already`,
  });
}

/** Whether any tenant is placed on the server. */
export async function holdsTenants(em: EntityManager, { id }: DbServer): Promise<boolean> {
  const [row] = await em.execute<{ held: boolean }[]>(
    `select exists (select 1 from platform.tenant
       where db_server_id = ? and status <> 'PURGED') as held`,
    [id],
  );
  return row?.held ?? false;
}
