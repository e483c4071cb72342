import { record } from "../audit/record.ts";
import type { EntityManager } from "../database/orm.ts";
import type { Actor } from "../iam/actor.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { newId } from "../kernel/ids.ts";
import { fieldFault, parseInput } from "../kernel/input.ts";
import { expectVersion, versionOf } from "../kernel/version-of.ts";
import type { AdminLogin } from "./admin-login.ts";
import { type AdminPassword, chooseLogin, keepLogin } from "./admin-password.ts";
import { type DbServer, DbServerEntity } from "./db-server.entity.ts";
import { RegisterInput, StatusInput, UpdateInput } from "./db-server-input.ts";
import {
  type DbServerPorts,
  dbServerByName,
  holdsTenants,
  look,
  refuseTaken,
  writeServers,
} from "./db-server-registry.ts";
import { DEFAULT_ADMIN_SECRET, DEFAULT_SERVER } from "./default-server.ts";
import { hostPolicyOf, makeReady } from "./make-ready.ts";
import { tenantDatabaseOf } from "./prepare-server.ts";
import { refuseHost } from "./probe-server.ts";

/**
 * Registers a db server: enters it, looks whether tenants can live there, and prepares it. It takes
 * tenants from then on.
 *
 * @param request a `RegisterInput`
 * @param admin the admin's login, to be stored under `adminSecretRef`; null where the secret is there
 * @throws DomainError E_VALIDATION, E_DB_SERVER_EXISTS, E_PARTIAL_STATE, E_ADMIN_CONN_UNRESOLVED,
 *   E_SECRET_STORE
 */
export async function registerDbServer(
  ports: DbServerPorts,
  actor: Actor,
  request: unknown,
  admin: AdminPassword | null = null,
): Promise<DbServer> {
  const input = parseInput(RegisterInput, request);
  refuseHost(input.host, hostPolicyOf(ports, input));
  refusePlatformSecret(input);
  await refuseTaken(look(ports), input);
  const login = await chooseLogin(ports.secrets, input, admin);
  // A cluster is made for one database at a time, and by those who run it.
  const tenantDatabase =
    input.kind === "CITUS" ? login.database : tenantDatabaseOf(ports.databaseUrl);
  await makeReady(ports, { target: input, login, tenantDatabase, inhabited: false });
  return await keepLogin(ports.secrets, input, admin && login, () =>
    writeServers(ports, async (em) => {
      await refuseTaken(em, input);
      const now = ports.clock();
      const server = em.create(DbServerEntity, {
        id: newId(),
        ...input,
        tenantDatabase,
        status: "ACTIVE",
        createdAt: now,
        updatedAt: now,
      });
      em.persist(server);
      const { name, region, capacityHint } = input;
      const detail = { dbServer: name, region, capacityHint };
      record(em, actor, { type: "DB_SERVER_REGISTERED", detail });
      return server;
    }),
  );
}

/** Fields that decide how a server is entered. */
const WAY_IN = ["host", "port", "tlsMode", "adminSecretRef"] as const;

/**
 * Changes a db server; where the way in changes, the new one is tried first.
 *
 * @param request an `UpdateInput`
 * @param admin a new login of the admin, to be stored under the server's secret
 * @throws DomainError as `registerDbServer`, E_DB_SERVER_NOT_FOUND, E_VERSION_STALE, and E_UNAVAILABLE where somebody else
 *   changes it at the same moment
 */
export async function updateDbServer(
  ports: DbServerPorts,
  actor: Actor,
  request: unknown,
  admin: AdminPassword | null = null,
): Promise<DbServer> {
  const { name, ifVersion, ...wanted } = parseInput(UpdateInput, request);
  const before = await dbServerByName(look(ports), name);
  expectVersion(dbServerVersion(before), ifVersion);
  const change = changesOf(before, wanted);
  const after = { ...before, ...change };
  const wayIn = WAY_IN.filter((field) => field in change);
  const tried =
    wayIn.length > 0 || admin ? await tryWayIn(ports, before, after, admin, wayIn[0]) : null;
  const changed = [...Object.keys(change), ...(admin ? ["adminPassword"] : [])];
  return await keepLogin(ports.secrets, after, admin && (tried?.login ?? null), () =>
    writeServers(ports, async (em) => {
      const server = await dbServerByName(em, name);
      expectVersion(dbServerVersion(server), ifVersion);
      if (changed.length === 0) return server;
      if (tried) await refuseOutdated(em, server, before, tried);
      if (wayIn.length > 0) await refuseTaken(em, after);
      em.assign(server, { ...change, updatedAt: ports.clock() });
      record(em, actor, { type: "DB_SERVER_UPDATED", detail: { dbServer: name, changed } });
      return server;
    }),
  );
}

/** The version of what can be edited of a db server. */
export const dbServerVersion = (server: DbServer): string => {
  const { region, host, port, tlsMode, adminSecretRef, capacityHint, labels } = server;
  return versionOf({ region, host, port, tlsMode, adminSecretRef, capacityHint, labels });
};

/** What trying a server's new way in was done with. */
interface Tried {
  readonly login: AdminLogin;
  /** Whether tenants had to be there. */
  readonly inhabited: boolean;
}

/** Enters a server on its new way. */
async function tryWayIn(
  ports: DbServerPorts,
  before: DbServer,
  after: DbServer,
  admin: AdminPassword | null,
  field: string = "adminSecretRef",
): Promise<Tried> {
  if (before.name === DEFAULT_SERVER)
    throw fieldFault(field, "follows DATABASE_URL for the platform's own server");
  refuseHost(after.host, hostPolicyOf(ports, after));
  refusePlatformSecret(after);
  await refuseTaken(look(ports), after);
  const login = await chooseLogin(ports.secrets, after, admin, { mayReplace: true });
  const inhabited = await holdsTenants(look(ports), before);
  const { tenantDatabase } = before;
  await makeReady(ports, { target: after, login, tenantDatabase, inhabited });
  return { login, inhabited };
}

/**
 * Refuses a way in that was tried for a server as it is no more: one that somebody else has changed
 * meanwhile, or on which the first tenant was placed.
 *
 * @throws DomainError E_UNAVAILABLE
 */
async function refuseOutdated(
  em: EntityManager,
  server: DbServer,
  before: DbServer,
  { inhabited }: Tried,
): Promise<void> {
  const asBefore = WAY_IN.every((field) => server[field] === before[field]);
  if (asBefore && (inhabited || !(await holdsTenants(em, server)))) return;
  throw new DomainError("E_UNAVAILABLE", {
    message: `Db server '${server.name}' has changed while its new way in was tried: try again`,
  });
}

/** The platform's own password is not sent to a server because somebody names its secret. */
function refusePlatformSecret({ adminSecretRef }: Pick<DbServer, "adminSecretRef">): void {
  if (adminSecretRef.toLowerCase() === DEFAULT_ADMIN_SECRET)
    throw fieldFault("adminSecretRef", "is the secret of the platform's own server");
}

type Change = Partial<Pick<DbServer, Exclude<keyof UpdateInput, "name" | "ifVersion">>>;

/** The fields that are to have another value. */
const changesOf = (before: DbServer, wanted: Omit<UpdateInput, "name" | "ifVersion">): Change =>
  Object.fromEntries(
    Object.entries(wanted).filter(
      ([field, value]) =>
        value !== undefined &&
        JSON.stringify(value) !== JSON.stringify(before[field as keyof DbServer]),
    ),
  );

/**
 * Sets whether a db server takes new tenants. One that is to be ACTIVE again is entered first.
 *
 * @param request `{ name, status, reason? }`
 * @throws DomainError E_VALIDATION, E_DB_SERVER_NOT_FOUND, E_ADMIN_CONN_UNRESOLVED
 */
export async function setDbServerStatus(
  ports: DbServerPorts,
  actor: Actor,
  request: unknown,
): Promise<DbServer> {
  const { name, status, reason } = parseInput(StatusInput, request);
  const target = await dbServerByName(look(ports), name);
  if (status === "ACTIVE" && target.status !== "ACTIVE") {
    const login = await chooseLogin(ports.secrets, target, null);
    const inhabited = await holdsTenants(look(ports), target);
    const { tenantDatabase } = target;
    await makeReady(ports, { target, login, tenantDatabase, inhabited });
  }
  return await writeServers(ports, async (em) => {
    const server = await dbServerByName(em, name);
    const from = server.status;
    if (from === status) return server;
    em.assign(server, { status, updatedAt: ports.clock() });
    const detail = { dbServer: name, from, to: status, reason };
    record(em, actor, { type: "DB_SERVER_STATUS_SET", detail });
    return server;
  });
}
