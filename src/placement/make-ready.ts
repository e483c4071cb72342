import type { ClientBase } from "pg";
import { DomainError, isDomainError } from "../kernel/domain-error.ts";
import { fieldFault } from "../kernel/input.ts";
import { type AdminLogin, unresolved, whyNotEntered } from "./admin-login.ts";
import { prepareCluster } from "./citus-server.ts";
import { DbServerEntity } from "./db-server.entity.ts";
import { type DbServerPorts, look, platformId } from "./db-server-registry.ts";
import { DEFAULT_SERVER } from "./default-server.ts";
import type { HostPolicy } from "./host-rules.ts";
import {
  type Enter,
  prepareServer,
  refuseOtherEncoding,
  tenantDatabaseState,
} from "./prepare-server.ts";
import { probeServer, strangerEntrance, type Target } from "./probe-server.ts";
import { readMark, writeMark } from "./server-mark.ts";
import { tryNewRole } from "./try-new-role.ts";

/** Where servers may stand; the platform's own stands where DATABASE_URL says. */
export const hostPolicyOf = (
  { config }: Pick<DbServerPorts, "config">,
  { name }: Pick<Target, "name">,
): HostPolicy =>
  name === DEFAULT_SERVER
    ? { loopback: true, patterns: [] }
    : { loopback: config.mode !== "production", patterns: config.dbServerHosts };

/** A server that is to be entered, and the database in it that holds its tenants. */
export interface Candidature {
  readonly target: Target;
  readonly login: AdminLogin;
  readonly tenantDatabase: string;
  /** Whether tenants live on it already: then their database has to be there. */
  readonly inhabited: boolean;
}

/**
 * Enters a server, looks whether tenants can live there, and prepares it.
 *
 * @throws DomainError E_ADMIN_CONN_UNRESOLVED, E_VALIDATION, E_PARTIAL_STATE; E_DB_SERVER_EXISTS where it
 *   turns out to be one that is registered by another name
 */
export async function makeReady(
  ports: Pick<DbServerPorts, "config" | "orm">,
  { target, login, tenantDatabase, inhabited }: Candidature,
): Promise<void> {
  const policy = hostPolicyOf(ports, target);
  const enter = strangerEntrance(target, login, policy);
  if (target.kind === "CITUS" && login.database !== tenantDatabase)
    throw fieldFault("adminSecretRef", `must name the database ${tenantDatabase} of the cluster`);
  await probeServer(enter, target, login);
  try {
    if (inhabited) await refuseOtherServer(enter, login, tenantDatabase);
    if (target.kind === "CITUS") await enter(tenantDatabase, prepareCoordinator);
    await prepareServer(enter, { maintenance: login.database, tenantDatabase });
    await enter(tenantDatabase, (client) => claim(ports, client, target));
    await tryNewRole(target, login, policy, tenantDatabase);
  } catch (error) {
    if (isDomainError(error)) throw error;
    throw unresolved(target, `it cannot be prepared: ${whyNotEntered(error)}`, error);
  }
}

async function prepareCoordinator(client: ClientBase): Promise<void> {
  await refuseOtherEncoding(client);
  await prepareCluster(client);
}

/** A server that moved brings its tenants along; an empty one would hide that they are gone. */
async function refuseOtherServer(
  enter: Enter,
  login: AdminLogin,
  tenantDatabase: string,
): Promise<void> {
  const state = await enter(login.database, (client) =>
    tenantDatabaseState(client, tenantDatabase),
  );
  if (state !== "PREPARED")
    throw fieldFault("host", `has no database ${tenantDatabase} with this server's tenants`);
}

/** Marks the database of tenants as this db server's, where it is nobody else's. */
async function claim(
  ports: Pick<DbServerPorts, "orm">,
  client: ClientBase,
  { name, host, port }: Target,
): Promise<void> {
  const em = look(ports);
  const platform = await platformId(em);
  const mark = await readMark(client);
  if (mark && mark.platform !== platform) {
    throw new DomainError("E_PARTIAL_STATE", {
      message: `The server at ${host}:${port} holds a database of this name for another Tenantry, with its tenants`,
      detail: { kind: "DATABASE", ...mark },
    });
  }
  if (
    mark &&
    mark.dbServer !== name &&
    (await em.count(DbServerEntity, { name: mark.dbServer })) > 0
  ) {
    throw new DomainError("E_DB_SERVER_EXISTS", {
      message: `The server at ${host}:${port} is the db server '${mark.dbServer}'`,
    });
  }
  await writeMark(client, { platform, dbServer: name });
}
