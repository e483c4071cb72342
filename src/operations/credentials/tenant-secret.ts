import { DomainError } from "../../kernel/domain-error.ts";
import { addressOf, readAdminLogin } from "../../placement/admin-login.ts";
import { secretCalled } from "../../secrets/naming.ts";
import {
  foreignSecret,
  type Secret,
  type SecretStore,
  type SecretTags,
} from "../../secrets/secret-store.ts";
import type { AppLogin } from "../../tenant-schemas/probe-app-login.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import type { Site } from "../site/site.ts";

type SecretOwner = Pick<Tenant, "id">;

/** The tags that mark a secret as a tenant's. */
export const tagsOf = ({ id, slug }: Pick<Tenant, "id" | "slug">): SecretTags => ({
  tenantId: id,
  slug,
});

/** Whether a secret was made for this tenant. */
export const isOurs = ({ tags }: Pick<Secret, "tags">, { id }: SecretOwner): boolean =>
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

const NO_PARAMETERS = { parameters: "" };

/**
 * What the app role logs in with, as the store answers it now.
 *
 * @throws DomainError E_SECRET_STORE when the secret is gone
 */
export async function readAppLogin(secrets: SecretStore, site: Site): Promise<AppLogin> {
  const { secret: name } = site.names;
  const secret = await secrets.get(name);
  if (!secret)
    throw new DomainError("E_SECRET_STORE", { message: `The ${secretCalled(name)} is gone` });
  return await appLoginOf(secrets, site, secret);
}

/** What the app role logs in with by this version of the tenant's secret. */
export async function appLoginOf(
  secrets: SecretStore,
  { names, server, database }: Site,
  secret: Secret,
): Promise<AppLogin> {
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
export function leadsTo(value: string, site: Site): boolean {
  return URL.canParse(value) && connectionUrl(site, passwordOf(value)) === value;
}

/** The app role that a secret leads to; null where it holds no connection URL. */
export const roleOf = ({ value }: Secret): string | null =>
  URL.canParse(value) ? decodeURIComponent(new URL(value).username) : null;

/** The password in a connection URL. */
export const passwordOf = (url: string): string => decodeURIComponent(new URL(url).password);
