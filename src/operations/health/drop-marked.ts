import { record } from "../../audit/record.ts";
import type { EntityManager } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { lockTenantBySlug } from "../../tenants/registry.ts";
import { TenantEntity } from "../../tenants/tenant.entity.ts";
import { removeTenantSchema } from "../site/schema.ts";
import { inWords, type Marked } from "./orphans.ts";
import type { RepairPorts } from "./ports.ts";
import { siteOfMarked } from "./stranger-site.ts";

const taken = (slug: string) =>
  new DomainError("E_PARTIAL_STATE", { message: `The registry knows '${slug}' by now` });

/**
 * Drops what bears the mark of a tenant that the registry does not know, or knows as PURGED: its schema or
 * database, its roles and its secret. It does not come back.
 *
 * @returns false where the registry knows the tenant by now
 * @throws DomainError E_PARTIAL_STATE naming what keeps it from going, E_ADMIN_CONN_UNRESOLVED, E_SECRET_STORE
 */
export async function dropMarked(
  ports: RepairPorts,
  actor: Actor,
  marked: Marked,
): Promise<boolean> {
  const { tenantId: id, slug, things } = marked;
  if (slug === null) return false;
  const site = await siteOfMarked(ports, ports.orm.em.fork(), marked);
  const recorded = await ports.orm.em.fork().transactional(async (transaction) => {
    const em = transaction as EntityManager;
    const known = await lockTenantBySlug(em, slug, { id });
    if (known !== null && known.status !== "PURGED") return false;
    // Recorded before: what is dropped must not be missing from the trail after a crash.
    record(em, actor, {
      type: "TENANT_REMAINS_DROPPED",
      tenant: { id, slug },
      detail: { dbServer: site.server.name, remains: things.map(inWords).slice(0, 50) },
    });
    return true;
  });
  if (!recorded) return false;
  await removeTenantSchema(ports, site, id);
  const stillWanted = async () => {
    const known = await ports.orm.em.fork().findOne(TenantEntity, { id });
    if (known !== null && known.status !== "PURGED") throw taken(slug);
  };
  await ports.secrets.purge(site.names.secret, { tags: { tenantId: id }, stillWanted });
  return true;
}
