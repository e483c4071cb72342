import type { EntityManager } from "../../database/orm.ts";
import { isId } from "../../kernel/ids.ts";
import { type Tenant, TenantEntity } from "../../tenants/tenant.entity.ts";
import { isScratchInUse } from "../migration-check/scratch.ts";
import type { Looks } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { schemasOf } from "./look.ts";

interface Thing {
  readonly name: string;
  readonly tenantId: string | null;
}

/** What bears tenants' names or marks without being one of the tenants that were looked at. */
export interface Strangers {
  /** Purged tenants of which something remains. */
  readonly purged: readonly Tenant[];
  /** What no row of the registry explains; it is told of and never touched. */
  readonly orphans: readonly Finding[];
}

/** Looks whom the things belong to that none of the known tenants explains. */
export async function findStrangers(
  em: EntityManager,
  looks: Looks,
  known: ReadonlySet<string>,
): Promise<Strangers> {
  const things = thingsOf(looks).filter(
    ({ tenantId }) => !known.has(tenantId ?? "") && !isScratchInUse(tenantId),
  );
  const ids = new Set(things.map(({ tenantId }) => tenantId ?? "").filter(isId));
  // Read after the look: a tenant that came meanwhile is nobody's orphan.
  const registered = ids.size === 0 ? [] : await em.find(TenantEntity, { id: { $in: [...ids] } });
  const explained = new Set(registered.map(({ id }) => id));
  return {
    purged: registered.filter(({ status }) => status === "PURGED"),
    orphans: things
      .filter(({ tenantId }) => !explained.has(tenantId ?? ""))
      .map(({ kind, name, tenantId }) => ({
        code: "ORPHAN",
        message: `The ${kind} ${name} ${tenantId === null ? "bears no mark" : `was made for tenant ${tenantId}, which is unknown`}`,
        repair: null,
      })),
  };
}

/**
 * Schemas of our databases, databases that we made, and roles that may enter them: other platforms may
 * share the server.
 */
function thingsOf(looks: Looks): (Thing & { readonly kind: "schema" | "database" | "role" })[] {
  return [...looks.values()].flatMap((look) => {
    if (look instanceof Error) return [];
    const databases = [...look.own.values()].filter(({ belongs }) => belongs);
    const roles = [...look.roles.values()].filter(({ belongs }) => belongs);
    return [
      ...schemasOf(look).map(({ name, tenantId }) => ({ kind: "schema" as const, name, tenantId })),
      ...databases.map(({ name, tenantId }) => ({ kind: "database" as const, name, tenantId })),
      ...roles.map(({ name, tenantId }) => ({ kind: "role" as const, name, tenantId })),
    ];
  });
}
