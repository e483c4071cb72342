import { isDeepStrictEqual } from "node:util";
import type { PoolClient } from "pg";
import { inPart } from "../database/faults.ts";
import { enterAs, type Fence } from "../database/fence.ts";
import type { ServerPools } from "../database/server-pools.ts";
import { isDomainError } from "../kernel/domain-error.ts";
import type { SecretStore } from "../secrets/secret-store.ts";
import {
  type AdminLogin,
  addressOf,
  isLoginRefused,
  readAdminLogin,
  unresolved,
  whyNotEntered,
} from "./admin-login.ts";
import type { DbServer } from "./db-server.entity.ts";

/** Enters db servers as their admin, with the credentials that the secret store keeps. */
export interface ServerConnections {
  /**
   * Runs `work` on an admin's connection to a database of the server. The secret is read each time,
   * and once more where the server refuses it: a login that was changed outside is used at once.
   *
   * @param fence of the operation whose effects `work` makes; left out by who only looks
   *
   * @throws DomainError E_ADMIN_CONN_UNRESOLVED when the secret is missing or opens nothing
   */
  asAdmin<T>(
    server: DbServer,
    database: string,
    work: (client: PoolClient) => Promise<T>,
    fence?: Fence | null,
  ): Promise<T>;
  /** Ends every session at once, also those that are in use. */
  abandon(): void;
}

/** Makes server connections over shared pools. */
export function serverConnections(pools: ServerPools, secrets: SecretStore): ServerConnections {
  return {
    abandon: () => pools.abandon(),
    asAdmin: async (server, database, work, fence = null) => {
      const enter = async (login: AdminLogin) => {
        const address = { ...addressOf(server, login), database };
        let entered = false;
        try {
          return await pools.use(address, async (client) => {
            entered = true;
            await enterAs(client, fence);
            return await work(client);
          });
        } catch (error) {
          throw entered
            ? inPart(`Db server '${server.name}', database ${database}`, error)
            : unresolved(server, whyNotEntered(error), error);
        }
      };
      const login = await readAdminLogin(secrets, server);
      try {
        return await enter(login);
      } catch (error) {
        if (!isDomainError(error, "E_ADMIN_CONN_UNRESOLVED") || !isLoginRefused(error)) throw error;
        // It may have been changed since it was read, on the server and in the store.
        const newer = await readAdminLogin(secrets, server);
        if (isDeepStrictEqual(newer, login)) throw error;
        return await enter(newer);
      }
    },
  };
}
