import { z } from "zod";
import { record } from "../../audit/record.ts";
import type { EntityManager, Orm } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { authorize } from "../../iam/grants.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { parseInput, reasonField } from "../../kernel/input.ts";
import { secretCalled } from "../../secrets/naming.ts";
import type { SecretStore } from "../../secrets/secret-store.ts";
import { searchPathOf } from "../../tenant-schemas/alter-role.ts";
import { tenantBySlug } from "../../tenants/registry.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { siteOfTenant } from "../site/site.ts";
import { passwordOf, readOwnSecret, roleOf } from "./tenant-secret.ts";

const Request = z.strictObject({ slug: z.string(), reason: reasonField.optional() });

/** How a tenant's application connects. Holds the password: for whoever asked, and for no log. */
export interface TenantCredentials {
  readonly slug: string;
  readonly status: Tenant["status"];
  /** The value of the tenant's secret. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly sslmode: string;
  /** Set for the role by Tenantry, so that the application need not: names of schemas. */
  readonly searchPath: readonly string[];
}

/**
 * Answers how a tenant's application connects, as the secret store has it now; the audit trail is told
 * before. Only for a command at the machine: secrets never leave by the API.
 *
 * @throws DomainError E_VALIDATION, E_TENANT_NOT_FOUND, E_DB_SERVER_NOT_FOUND for a tenant that is placed
 *   nowhere, E_PARTIAL_STATE, E_SECRET_STORE
 */
export async function revealCredentials(
  { orm, secrets }: { readonly orm: Orm; readonly secrets: SecretStore },
  actor: Actor,
  request: { readonly slug: string; readonly reason?: string | undefined },
): Promise<TenantCredentials> {
  authorize(actor, "tenant:reveal");
  const { slug, reason = null } = parseInput(Request, request);
  const em = orm.em.fork() as EntityManager;
  const tenant = await tenantBySlug(em, slug);
  const { names, database } = await siteOfTenant(em, tenant);
  const secret = await readOwnSecret(secrets, tenant.secretName, tenant);
  if (secret === null)
    throw new DomainError("E_SECRET_STORE", {
      message: `The ${secretCalled(tenant.secretName)} is gone`,
      retryable: false,
      nextAction:
        "Look at the tenant with `tenantHealth`, and rotate with `rotateTenantCredentials`.",
    });
  const role = roleOf(secret) ?? "";
  await em.transactional(async (transaction) =>
    record(transaction as EntityManager, actor, {
      type: "TENANT_CREDENTIALS_REVEALED",
      tenant: { id: tenant.id, slug },
      detail: { reason, role, secretVersion: secret.version },
    }),
  );
  const url = new URL(secret.value);
  return {
    slug,
    status: tenant.status,
    url: secret.value,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || 5432),
    database,
    user: role,
    password: passwordOf(secret.value),
    sslmode: url.searchParams.get("sslmode") ?? "disable",
    searchPath: searchPathOf({ names, connectDatabase: database }),
  };
}
