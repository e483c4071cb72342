import { scramVerifier } from "../../database/sql.ts";
import { createTenantSchema } from "../../tenant-schemas/create-tenant-schema.ts";
import { dropTenantSchema } from "../../tenant-schemas/drop-tenant-schema.ts";
import { ensureOwnDatabase, prepareOwnDatabase } from "../../tenant-schemas/own-database.ts";
import { limitsOf } from "../../tenants/limits.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import { inSharedDatabase, inTenantDatabase } from "./databases.ts";
import { hasOwnDatabase, type Site } from "./site.ts";

interface NewSchema {
  readonly tenant: Tenant;
  /** The app role's, as the secret has it. */
  readonly password: string;
}

/**
 * Creates the tenant's empty schema with its roles, and before it the database where the tenant has
 * one of its own. Repeatable.
 *
 * @throws DomainError E_PARTIAL_STATE naming what is in the way
 */
export async function ensureTenantSchema(
  ports: Pick<TenantPorts, "servers" | "limits">,
  site: Site,
  { tenant, password }: NewSchema,
): Promise<void> {
  const tenantId = tenant.id;
  const { names, database, server, login } = site;
  const own = hasOwnDatabase(site);
  if (own)
    await inSharedDatabase(ports, site, (client) => ensureOwnDatabase(client, { names, tenantId }));
  await inTenantDatabase(ports, site, async (client) => {
    if (own) await prepareOwnDatabase(client, tenantId, server.tenantDatabase);
    await createTenantSchema(client, {
      names,
      tenantId,
      login,
      connectDatabase: database,
      mayLogIn: tenant.status !== "SUSPENDED",
      limits: limitsOf(ports.limits, tenant),
      appPasswordVerifier: scramVerifier(password),
    });
  });
}

/**
 * Drops what `ensureTenantSchema` has made on a server: what bears the tenant's mark, and no more.
 * Repeatable.
 *
 * @throws DomainError E_PARTIAL_STATE naming what keeps it from going
 */
export async function removeTenantSchema(
  ports: Pick<TenantPorts, "servers">,
  site: Pick<Site, "server" | "names" | "token">,
  tenantId: string,
): Promise<void> {
  const { server, names } = site;
  await inSharedDatabase(ports, site, (client) =>
    dropTenantSchema(client, { names, tenantId }, (database, work) =>
      // In databases that hold no tenants nothing of ours is kept, so no fence.
      ports.servers.asAdmin(server, database, work),
    ),
  );
}
