import { DomainError } from "../../kernel/domain-error.ts";
import { newSecret } from "../../kernel/ids.ts";
import { addressOf, readAdminLogin } from "../../placement/admin-login.ts";
import { secretCalled } from "../../secrets/naming.ts";
import {
  foreignSecret,
  type Secret,
  type SecretStore,
  type SecretTags,
} from "../../secrets/secret-store.ts";
import type { AppLogin } from "../../tenant-schemas/probe-app-login.ts";
import type { Site } from "./tenant-site.ts";

/** Whose a tenant's secret is. */
export interface SecretOwner {
  readonly id: string;
  readonly slug: string;
}

const isOurs = ({ tags }: Pick<Secret, "tags">, { id }: SecretOwner): boolean =>
  tags.tenantId === id;

/**
 * Refuses where the tenant's secret name is taken by something else, be it deleted and recoverable.
 *
 * @throws DomainError E_PARTIAL_STATE, E_SECRET_STORE
 */
export async function refuseForeignSecret(
  secrets: SecretStore,
  name: string,
  owner: SecretOwner,
): Promise<void> {
  const holder = await secrets.holder(name);
  if (holder && !isOurs(holder, owner)) throw foreignSecret(name, holder, "this tenant");
}

/**
 * The tenant's secret as the store answers it now; null where there is none.
 *
 * @throws DomainError E_PARTIAL_STATE for a secret that was not made for this tenant, E_SECRET_STORE
 */
export async function readOwnSecret(
  secrets: SecretStore,
  name: string,
  owner: SecretOwner,
): Promise<Secret | null> {
  const existing = await secrets.get(name);
  if (existing && !isOurs(existing, owner))
    throw foreignSecret(name, { deleted: false }, "this tenant");
  return existing;
}

/**
 * Stores the app role's connection URL under the tenant's secret name, unless it is there already.
 *
 * @throws DomainError E_PARTIAL_STATE for a secret that was not made for this tenant, E_SECRET_STORE
 */
export async function ensureSecret(
  secrets: SecretStore,
  site: Site,
  owner: SecretOwner,
): Promise<void> {
  const existing = await readOwnSecret(secrets, site.names.secret, owner);
  if (existing && leadsTo(existing.value, site)) return;
  await secrets.set(site.names.secret, connectionUrl(site, newSecret()), tagsOf(owner));
}

/** What tells whose a tenant's secret is. */
export const tagsOf = ({ id, slug }: SecretOwner): SecretTags => ({ tenantId: id, slug });

/** Removes the secret if it was made for this tenant. */
export async function removeSecret(
  secrets: SecretStore,
  name: string,
  owner: SecretOwner,
): Promise<void> {
  const existing = await secrets.get(name);
  if (existing && isOurs(existing, owner)) await secrets.purge(name);
}

const NO_PARAMETERS = { parameters: "" };

/**
 * What the app role logs in with, as the store answers it now.
 *
 * @throws DomainError E_SECRET_STORE when the secret is gone
 */
export async function readAppLogin(
  secrets: SecretStore,
  { names, server, database }: Site,
): Promise<AppLogin> {
  const secret = await secrets.get(names.secret);
  if (!secret)
    throw new DomainError("E_SECRET_STORE", {
      message: `The ${secretCalled(names.secret)} is gone`,
    });
  const user = roleOf(secret) ?? "";
  // The authority that the server's certificate is of is named where its admin's login is kept.
  const { parameters } =
    server.tlsMode === "DISABLE" ? NO_PARAMETERS : await readAdminLogin(secrets, server);
  const password = passwordOf(secret.value);
  return { ...addressOf(server, { user, password, database, parameters }), password, names };
}

/** The connection URL that a tenant's secret holds. */
export function connectionUrl({ server, database, login }: Site, password: string): string {
  const sslmode = { DISABLE: "disable", REQUIRE: "require", VERIFY_FULL: "verify-full" }[
    server.tlsMode
  ];
  const host = server.host.includes(":") ? `[${server.host}]` : server.host;
  const url = new URL(`postgres://${host}:${server.port}/${encodeURIComponent(database)}`);
  url.username = login;
  url.password = password;
  url.searchParams.set("sslmode", sslmode);
  return url.href;
}

/** Whether the URL leads to this place as this role: a retry may have been placed elsewhere. */
function leadsTo(value: string, site: Site): boolean {
  return URL.canParse(value) && connectionUrl(site, passwordOf(value)) === value;
}

/** The app role that a secret leads to; null where it holds no connection URL. */
export const roleOf = ({ value }: Secret): string | null =>
  URL.canParse(value) ? decodeURIComponent(new URL(value).username) : null;

/** The password in a connection URL. */
export const passwordOf = (url: string): string => decodeURIComponent(new URL(url).password);
