import type { PoolClient } from "pg";
import { isConnectionLoss, sqlStateOf } from "../database/faults.ts";
import type { ServerAddress, ServerPools } from "../database/server-pools.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { SecretStore } from "../secrets/secret-store.ts";
import type { DbServer } from "./db-server.entity.ts";

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

/** SQLSTATE class 28: invalid authorization; 3D000: no such database. */
const isRefusal = (error: unknown): boolean => /^(28|3D)/.test(sqlStateOf(error) ?? "");

/** How a server wants TLS, in the driver's terms. */
export const sslOf = (server: Pick<DbServer, "tlsMode">): ServerAddress["ssl"] =>
  server.tlsMode === "DISABLE" ? false : { rejectUnauthorized: server.tlsMode === "VERIFY_FULL" };

/** Makes server connections over shared pools. */
export function serverConnections(pools: ServerPools, secrets: SecretStore): ServerConnections {
  const credentials = async (server: DbServer) => {
    const secret = await secrets.get(server.adminSecretRef);
    if (!secret) throw unresolved(server, `its secret '${server.adminSecretRef}' does not exist`);
    const { username, password } = new URL(secret.value);
    return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  };
  return {
    asAdmin: async (server, database, work) => {
      const { host, port } = server;
      const address = { host, port, database, ssl: sslOf(server), ...(await credentials(server)) };
      let entered = false;
      try {
        return await pools.use(address, async (client) => {
          entered = true;
          return await work(client);
        });
      } catch (error) {
        if (entered || !(isConnectionLoss(error) || isRefusal(error))) throw error;
        throw unresolved(
          server,
          isRefusal(error) ? "it refuses the admin" : "it does not answer",
          error,
        );
      }
    },
  };
}

const unresolved = (server: DbServer, why: string, cause?: unknown): DomainError =>
  new DomainError("E_ADMIN_CONN_UNRESOLVED", {
    message: `Db server '${server.name}' cannot be entered: ${why}`,
    cause,
  });
