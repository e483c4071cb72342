import { DomainError } from "../../kernel/domain-error.ts";
import { newSecret } from "../../kernel/ids.ts";
import type { Secret } from "../../secrets/secret-store.ts";
import type { ProvisionPorts, ProvisionRun } from "./ports.ts";
import { tenantIdOf } from "./registry.ts";
import { siteOf, type TenantSite } from "./site.ts";

/** Whether a secret of the tenant's name was made for this tenant. */
const isOurs = (secret: Secret, tenantId: string): boolean => secret.tags.tenantId === tenantId;

/** The secret belongs to something that no tenant explains; it is neither taken over nor removed. */
export const foreignSecret = (name: string): DomainError =>
  new DomainError("E_PARTIAL_STATE", {
    message: `The secret ${name} exists already and was not made for this tenant`,
    detail: { kind: "SECRET", name },
  });

/**
 * Stores the app role's connection URL under the tenant's secret name, unless it is there already.
 *
 * @throws DomainError E_PARTIAL_STATE for a secret that was not made for this tenant, E_SECRET_STORE
 */
export async function setSecret(
  { orm, secrets, schemaPrefix }: ProvisionPorts,
  run: ProvisionRun,
): Promise<undefined> {
  const site = await siteOf(orm, run, schemaPrefix);
  const tenantId = tenantIdOf(run);
  const existing = await secrets.get(site.names.secret);
  if (existing && !isOurs(existing, tenantId)) throw foreignSecret(site.names.secret);
  if (existing && leadsTo(existing.value, site)) return;
  await secrets.set(site.names.secret, connectionUrl(site, newSecret()), {
    tenantId,
    slug: run.subjectName,
  });
}

/** Removes the secret if it was made for this tenant. */
export async function removeSecret(
  { orm, secrets, schemaPrefix }: ProvisionPorts,
  run: ProvisionRun,
): Promise<void> {
  const { names } = await siteOf(orm, run, schemaPrefix);
  const existing = await secrets.get(names.secret);
  if (existing && isOurs(existing, tenantIdOf(run))) await secrets.purge(names.secret);
}

function connectionUrl({ server, database, names }: TenantSite, password: string): string {
  const sslmode = { DISABLE: "disable", REQUIRE: "require", VERIFY_FULL: "verify-full" }[
    server.tlsMode
  ];
  const url = new URL(`postgres://${server.host}:${server.port}/${encodeURIComponent(database)}`);
  url.username = names.appRole;
  url.password = password;
  url.searchParams.set("sslmode", sslmode);
  return url.href;
}

/** Whether the URL leads to this place as this role: a retry may have been placed elsewhere. */
function leadsTo(value: string, site: TenantSite): boolean {
  const url = new URL(value);
  return connectionUrl(site, decodeURIComponent(url.password)) === value;
}
