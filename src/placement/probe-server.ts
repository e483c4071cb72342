import type pg from "pg";
import { z } from "zod";
import { connectionConfig } from "../database/connect.ts";
import { ForbiddenAddress, guardedSockets } from "../database/guarded-socket.ts";
import { newClient, outliveBreaks } from "../database/own-connection.ts";
import { isTransactionPooled, settingsArrive } from "../database/pooler.ts";
import { CONNECTION, SESSION_BOUNDS } from "../database/server-pools.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { isDomainError } from "../kernel/domain-error.ts";
import { fieldFault } from "../kernel/input.ts";
import { type AdminLogin, addressOf, unresolved, whyNotEntered } from "./admin-login.ts";
import { examineKind } from "./citus-server.ts";
import type { DbServer } from "./db-server.entity.ts";
import { addressRule, type HostPolicy, hostFault } from "./host-rules.ts";
import type { Enter } from "./prepare-server.ts";

/** Where a server is said to be, before it is known to be one. */
export type Target = Pick<
  DbServer,
  "name" | "kind" | "host" | "port" | "tlsMode" | "adminSecretRef"
>;

export const Probed = describedObject("DbServerProbe", "What a db server tells of itself.", {
  version: z.string().describe("The version of PostgreSQL, as it writes it: `17.2`."),
  superuser: z
    .boolean()
    .describe("Whether its admin is a superuser; else a role with CREATEDB and CREATEROLE."),
  citus: z
    .string()
    .nullable()
    .describe("The version of Citus; null for a server of kind POSTGRES."),
});
export type Probed = Described<typeof Probed>;

/** Whoever waits for somebody to register a server is not kept longer. */
const PATIENCE_MS = 10_000;
const OLDEST = 150_000;

/**
 * Enters a server that nobody vouches for yet, each time on a connection of its own.
 *
 * @throws DomainError E_ADMIN_CONN_UNRESOLVED, or E_VALIDATION for a host that leads where none may
 */
export function strangerEntrance(target: Target, login: AdminLogin, policy: HostPolicy): Enter {
  return async (database, work) => {
    const client = newClient({
      // As operations enter it, so that what stands in their way is met here.
      ...connectionConfig({ ...addressOf(target, login), database }),
      ...CONNECTION,
      ...SESSION_BOUNDS,
      stream: guardedSockets(addressRule(policy)),
      connectionTimeoutMillis: PATIENCE_MS,
      query_timeout: PATIENCE_MS,
    });
    outliveBreaks(client);
    try {
      await client.connect().catch((error: unknown) => {
        if (error instanceof ForbiddenAddress)
          throw fieldFault("host", `must not lead to a ${error.kind} address`);
        throw unresolved(target, whyNotEntered(error), error);
      });
      return await work(client);
    } finally {
      await client.end().catch(() => {});
    }
  };
}

/** Refuses a host that the policy does not allow. @throws DomainError E_VALIDATION */
export function refuseHost(host: string, policy: HostPolicy): void {
  const fault = hostFault(host, policy);
  if (fault !== null) throw fieldFault("host", fault);
}

/**
 * Looks whether tenants can live on a server: that it is PostgreSQL 15 or newer, a primary, reached
 * directly, of the kind that is said, and that the admin may create databases and roles. Changes nothing.
 *
 * @throws DomainError E_ADMIN_CONN_UNRESOLVED; E_VALIDATION naming the field that leads to the fault
 */
export async function probeServer(
  enter: Enter,
  target: Target,
  login: AdminLogin,
): Promise<Probed> {
  try {
    return await enter(login.database, async (client) => {
      const probed = await examine(client);
      if (await isTransactionPooled((work) => enter(login.database, work)))
        throw fieldFault("host", POOLED_TRANSACTIONS);
      if (!(await settingsArrive(client))) throw fieldFault("host", POOLED_SETTINGS);
      return { ...probed, citus: await examineKind(client, target.kind) };
    });
  } catch (error) {
    if (isDomainError(error)) throw error;
    throw unresolved(target, whyNotEntered(error), error);
  }
}

async function examine(client: pg.ClientBase): Promise<Omit<Probed, "citus">> {
  const { rows: told } = await client.query<{ banner: string }>("select version() as banner");
  const banner = told[0]?.banner ?? "";
  if (!banner.startsWith("PostgreSQL "))
    throw fieldFault("host", "must be a PostgreSQL server, and this is another kind of database");
  const { rows } = await client.query<Examined>(EXAMINE);
  const [found] = rows;
  if (!found || found.number < OLDEST)
    throw fieldFault("host", `must be PostgreSQL 15 or newer, and this is ${found?.version}`);
  if (found.standby) throw fieldFault("host", "must be a primary, and this is a standby");
  if (!found.superuser && !(found.databases && found.roles)) {
    const rule = "must open a superuser, or a role with CREATEDB and CREATEROLE";
    throw fieldFault("adminSecretRef", rule);
  }
  return { version: found.version, superuser: found.superuser };
}

interface Examined extends Omit<Probed, "citus"> {
  readonly number: number;
  readonly standby: boolean;
  readonly databases: boolean;
  readonly roles: boolean;
}

const EXAMINE = `select split_part(current_setting('server_version'), ' ', 1) as version,
    current_setting('server_version_num')::int as number, pg_is_in_recovery() as standby,
    rolsuper as superuser, rolcreatedb as databases, rolcreaterole as roles
  from pg_catalog.pg_roles where rolname = current_user`;

const POOLED_TRANSACTIONS =
  "must be the server itself: behind a pooler in transaction mode (such as PgBouncer) sessions get mixed up";
const POOLED_SETTINGS =
  "must be the server itself: a pooler in between drops the settings of sessions";
