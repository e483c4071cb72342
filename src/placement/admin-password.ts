import { DomainError } from "../kernel/domain-error.ts";
import { secretCalled } from "../secrets/naming.ts";
import type { SecretStore } from "../secrets/secret-store.ts";
import {
  ADMIN_SECRET_PURPOSE,
  type AdminLogin,
  loginOf,
  loginUrl,
  readAdminLogin,
} from "./admin-login.ts";
import type { Target } from "./probe-server.ts";

/** The admin's login as an operator brings it along, to be stored under the server's secret name. */
export interface AdminPassword {
  readonly user: string;
  readonly password: string;
  /** A database that is always there; `postgres` unless told. */
  readonly database?: string | undefined;
}

/**
 * The login that a server is entered with: the one brought along, or the stored one.
 *
 * @throws DomainError E_PARTIAL_STATE where the secret's name is taken by another secret,
 *   E_ADMIN_CONN_UNRESOLVED where none was brought and none is stored
 */
export async function chooseLogin(
  secrets: SecretStore,
  target: Target,
  admin: AdminPassword | null,
  { mayReplace = false } = {},
): Promise<AdminLogin> {
  if (admin === null) return await readAdminLogin(secrets, target);
  const { user, password, database = "postgres" } = admin;
  const name = target.adminSecretRef;
  const existing = await secrets.get(name);
  // Another password is no other way in: what the URL says of TLS stays.
  const { parameters = "" } = (existing && loginOf(existing.value)) ?? {};
  const login = { user, password, database, parameters };
  // A registration that was cut off has left what it is given again.
  const replaceable = mayReplace || existing?.value === loginUrl(login, target);
  if (existing && !(replaceable && existing.tags.purpose === ADMIN_SECRET_PURPOSE)) {
    throw new DomainError("E_PARTIAL_STATE", {
      message: `The ${secretCalled(name)} exists already: bring no password along, or name another secret`,
      detail: { kind: "SECRET", name },
    });
  }
  return login;
}

/** Stores a login and does the work that relies on it; what was stored before comes back if that fails. */
export async function keepLogin<T>(
  secrets: SecretStore,
  target: Target,
  login: AdminLogin | null,
  work: () => Promise<T>,
): Promise<T> {
  if (login === null) return await work();
  const name = target.adminSecretRef;
  const tags = { purpose: ADMIN_SECRET_PURPOSE };
  const before = await secrets.get(name);
  await secrets.set(name, loginUrl(login, target), tags);
  try {
    return await work();
  } catch (error) {
    if (before) await secrets.set(name, before.value, before.tags);
    else await secrets.purge(name);
    throw error;
  }
}
