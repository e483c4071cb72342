import {
  type Address,
  ConnectionUrlFault,
  readConnectionUrl,
  strongerMode,
} from "../database/connection-url.ts";
import { faultOrRefusalOf, isTransient, sqlStateOf, withWhatWasSaid } from "../database/faults.ts";
import { ForbiddenAddress } from "../database/guarded-socket.ts";
import { refusedSetting } from "../database/pooler.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { secretCalled } from "../secrets/naming.ts";
import type { SecretStore } from "../secrets/secret-store.ts";
import type { DbServer } from "./db-server.entity.ts";

/** What the purpose tag of a secret says that holds an admin's login. */
export const ADMIN_SECRET_PURPOSE = "db-server";

/** Who enters a db server, and through which database. */
export interface AdminLogin {
  readonly user: string;
  readonly password: string;
  /** A database that is always there. */
  readonly database: string;
  /** What else the URL says, as `?sslrootcert=…`; empty where it says nothing. */
  readonly parameters: string;
}

type Entered = Pick<DbServer, "name" | "host" | "port" | "tlsMode" | "adminSecretRef">;

/** The error of a db server that cannot be entered. */
export const unresolved = (
  server: Pick<DbServer, "name">,
  why: string,
  cause?: unknown,
): DomainError =>
  new DomainError("E_ADMIN_CONN_UNRESOLVED", {
    message: `Db server '${server.name}' cannot be entered: ${why}`,
    transient: isTransient(cause),
    cause,
  });

/**
 * Reads the admin's login from the secret store: user, password, database and parameters of a
 * `postgres://` URL. Its host and port count for nothing: they are the db server's fields.
 *
 * @throws DomainError E_ADMIN_CONN_UNRESOLVED where there is no such secret, or it is none of an admin
 */
export async function readAdminLogin(secrets: SecretStore, server: Entered): Promise<AdminLogin> {
  const name = server.adminSecretRef;
  const secret = await secrets.get(name);
  if (!secret) throw unresolved(server, `its ${secretCalled(name)} does not exist`);
  const { purpose = ADMIN_SECRET_PURPOSE, tenantId } = secret.tags;
  // A tenant's or the platform's own secret is not sent to a server because somebody names it.
  if (purpose !== ADMIN_SECRET_PURPOSE || tenantId !== undefined)
    throw unresolved(server, `its ${secretCalled(name)} serves another purpose`);
  const login = loginOf(secret.value);
  if (!login)
    throw unresolved(
      server,
      `its ${secretCalled(name)} is no URL of the form postgres://user:password@host`,
    );
  try {
    addressOf(server, login);
  } catch (error) {
    if (!(error instanceof ConnectionUrlFault)) throw error;
    throw unresolved(server, `the URL in its ${secretCalled(name)} is not valid: ${error.message}`);
  }
  return login;
}

const LEAST_TLS = { DISABLE: "disable", REQUIRE: "require", VERIFY_FULL: "verify-full" } as const;

/**
 * How a db server is entered: encrypted as its TLS mode and the parameters of its login ask, whichever
 * asks for more.
 *
 * @throws ConnectionUrlFault for parameters that are not understood
 */
export function addressOf(
  server: Pick<DbServer, "host" | "port" | "tlsMode">,
  login: AdminLogin,
): Address {
  const address = readConnectionUrl(loginUrl(login, server));
  const mode = strongerMode(address.tls.mode, LEAST_TLS[server.tlsMode]);
  return { ...address, tls: { ...address.tls, mode } };
}

/** The login in a connection URL; null where it has none. Never throws: the error would show the URL. */
export function loginOf(value: string): AdminLogin | null {
  const url = URL.canParse(value) ? new URL(value) : null;
  // Where no user is named, the driver would enter as the one of this process.
  if (!/^postgres(ql)?:$/.test(url?.protocol ?? "") || !url?.username) return null;
  try {
    return {
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: decodeURIComponent(url.pathname.slice(1)) || "postgres",
      parameters: url.search,
    };
  } catch {
    return null;
  }
}

/** The secret's value for a login; the address in it is for people. */
export function loginUrl(
  login: AdminLogin,
  { host, port }: Pick<DbServer, "host" | "port">,
): string {
  const url = new URL(`postgres://${host.includes(":") ? `[${host}]` : host}:${port}/`);
  url.username = login.user;
  url.password = login.password;
  url.pathname = `/${encodeURIComponent(login.database)}`;
  url.search = login.parameters;
  return url.href;
}

/** Whether a server let the user not in (SQLSTATE class 28). */
export const isLoginRefused = (error: unknown): boolean =>
  sqlStateOf(error)?.startsWith("28") === true;

/** Says why a server was not entered: the fault, and what the server, or what stands before it, said. */
export function whyNotEntered(error: unknown): string {
  if (error instanceof ForbiddenAddress) return `its host leads to a ${error.kind} address`;
  const refused = refusedSetting(error);
  if (refused !== null)
    return `a connection pooler before it refuses the settings of sessions (${refused}): give the address of PostgreSQL itself`;
  const fault = faultOrRefusalOf(error);
  return fault ? withWhatWasSaid(fault) : "it cannot be connected to";
}
