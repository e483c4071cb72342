import type { PoolClient } from "pg";
import type { ServerPools } from "../database/server-pools.ts";
import type { SecretStore } from "../secrets/secret-store.ts";
import { readAdminLogin, sslOf, unresolved, whyNotEntered } from "./admin-login.ts";
import type { DbServer } from "./db-server.entity.ts";

export { sslOf };

/** Enters db servers as their admin, with the credentials that the secret store keeps. */
export interface ServerConnections {
  /**
   * Runs `work` on an admin's connection to a database of the server.
   *
   * @throws DomainError E_ADMIN_CONN_UNRESOLVED when the secret is missing or opens nothing
   */
  asAdmin<T>(
    server: DbServer,
    database: string,
    work: (client: PoolClient) => Promise<T>,
  ): Promise<T>;
}

/** Makes server connections over shared pools. */
export function serverConnections(pools: ServerPools, secrets: SecretStore): ServerConnections {
  return {
    asAdmin: async (server, database, work) => {
      const { host, port } = server;
      const { user, password } = await readAdminLogin(secrets, server);
      let entered = false;
      try {
        const address = { host, port, user, password, database, ssl: sslOf(server) };
        return await pools.use(address, async (client) => {
          entered = true;
          return await work(client);
        });
      } catch (error) {
        if (entered) throw error;
        throw unresolved(server, whyNotEntered(error), error);
      }
    },
  };
}
