import { isConnectionLoss, sqlStateOf } from "../database/faults.ts";
import { ForbiddenAddress } from "../database/guarded-socket.ts";
import type { ServerAddress } from "../database/server-pools.ts";
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
}

type Entered = Pick<DbServer, "name" | "adminSecretRef">;

/** The error of a db server that cannot be entered. */
export const unresolved = (server: Entered, why: string, cause?: unknown): DomainError =>
  new DomainError("E_ADMIN_CONN_UNRESOLVED", {
    message: `Db server '${server.name}' cannot be entered: ${why}`,
    cause,
  });

/**
 * Reads the admin's login from the secret store: user, password and database of a `postgres://` URL.
 * Its host and port count for nothing: they are the db server's fields.
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
  return login;
}

/** The login in a connection URL; null where it has none. Never throws: the error would show the URL. */
function loginOf(value: string): AdminLogin | null {
  const url = URL.canParse(value) ? new URL(value) : null;
  // Where no user is named, the driver would enter as the one of this process.
  if (!/^postgres(ql)?:$/.test(url?.protocol ?? "") || !url?.username) return null;
  try {
    return {
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: decodeURIComponent(url.pathname.slice(1)) || "postgres",
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
  return url.href;
}

/** How a server wants TLS, in the driver's terms. */
export const sslOf = (server: Pick<DbServer, "tlsMode">): ServerAddress["ssl"] =>
  server.tlsMode === "DISABLE" ? false : { rejectUnauthorized: server.tlsMode === "VERIFY_FULL" };

/** Whether a server let the user not in (SQLSTATE class 28). */
export const isLoginRefused = (error: unknown): boolean =>
  sqlStateOf(error)?.startsWith("28") === true;

/** A login that is refused, or a database that does not exist (SQLSTATE 3D000). */
const isRefusal = (error: unknown): boolean =>
  isLoginRefused(error) || sqlStateOf(error) === "3D000";

/** Says why a server was not entered, in words that show nothing of the error. */
export function whyNotEntered(error: unknown): string {
  if (error instanceof ForbiddenAddress) return `its host leads to a ${error.kind} address`;
  if (isRefusal(error)) return "it refuses the admin";
  if (isConnectionLoss(error)) return "it does not answer";
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === "ENOTFOUND") return "its host name is not known";
  if (/SSL|TLS|CERT|ALTNAME|ISSUER|SIGNATURE/i.test(`${String(code)} ${String(message)}`))
    return "its TLS is not as its mode asks";
  return "it cannot be connected to";
}
