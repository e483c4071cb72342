import { z } from "zod";
import type { EntityManager } from "../../database/orm.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import {
  addMissingOrganization,
  type FirstLaboratory,
} from "../../laboratories/first-laboratory.ts";
import { countOrWhyNot } from "../../laboratories/organizations.ts";
import { createsTable, openMigrationFolder } from "../../tenant-schemas/migration-folder.ts";
import { hasTable } from "../../tenant-schemas/verify-tenant-schema.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { OperationEntity } from "../engine/operation.entity.ts";
import { type Skipped, skipped } from "../engine/phase.ts";
import { ProvisionInput } from "../provision/input.ts";
import { inTenantDatabase } from "../site/databases.ts";
import type { Site } from "../site/site.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import type { TenantRun } from "../tenant-run.ts";

/**
 * Gives a schema that has no organization, since it was made anew, the one that its tenant was
 * provisioned with; touches no schema that has any.
 */
export async function ensureOrganization(
  ports: Pick<TenantPorts, "orm" | "servers">,
  run: Pick<TenantRun<unknown, unknown>, "site" | "progress">,
): Promise<Skipped | undefined> {
  const site = await run.site();
  const { names, tenant } = site;
  const first = await firstLaboratoryOf(ports.orm.em.fork(), tenant);
  return await inTenantDatabase(ports, site, async (client) => {
    const count = await countOrWhyNot(client, names.schema);
    if (typeof count === "string") return skipped(`the schema takes no organization: ${count}`);
    if (count.organizations > 0 || !(await addMissingOrganization(client, names, first)))
      return skipped("the organization is there");
    const { name, laboratory } = first;
    await run.progress(1, 1, laboratory === null ? name : `${name} with laboratory ${laboratory}`);
    return undefined;
  });
}

/**
 * A folder that makes the table `organization` has not done its work while the table is missing.
 *
 * @throws DomainError E_MIGRATIONS_FAILED
 */
export async function refuseMissingOrganization(
  ports: Pick<TenantPorts, "servers" | "migrations">,
  site: Site,
): Promise<void> {
  const { names } = site;
  const folder = await openMigrationFolder(ports.migrations);
  if (!createsTable(folder, "organization")) return;
  const present = await inTenantDatabase(ports, site, (client) =>
    hasTable(client, names, "organization"),
  );
  if (present) return;
  throw new DomainError("E_MIGRATIONS_FAILED", {
    message: `Tenant migration completed but ${names.schema}.organization was not created`,
  });
}

const { initialLaboratory, setupName } = ProvisionInput.shape;
const Requested = z.object({ initialLaboratory, setupName });

/** Those of some tenants that were provisioned without a laboratory, as was asked for. */
export async function askedForNoLaboratory(
  em: EntityManager,
  tenantIds: readonly string[],
): Promise<Set<string>> {
  if (tenantIds.length === 0) return new Set();
  const rows = await em.execute<{ id: string }[]>(
    `select id from (
       select distinct on (subject_id) subject_id as id, input from platform.operation
       where kind = 'PROVISION' and subject_id = any(?::uuid[]) order by subject_id, id desc
     ) newest
     where input ->> 'initialLaboratory' is null`,
    [`{${tenantIds.join(",")}}`],
  );
  return new Set(rows.map(({ id }) => id));
}

/** The organization as the registry has it today, with what only the request to provision has. */
async function firstLaboratoryOf(em: EntityManager, tenant: Tenant): Promise<FirstLaboratory> {
  const provisioning = await em.findOne(
    OperationEntity,
    { subjectId: tenant.id, kind: "PROVISION" },
    { orderBy: { id: "desc" } },
  );
  const { data } = Requested.safeParse(provisioning?.input);
  return {
    ...tenant,
    setupName: data?.setupName ?? "default",
    laboratory: data?.initialLaboratory ?? null,
  };
}
