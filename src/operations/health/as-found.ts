import type { ClientBase } from "pg";
import { isDomainError } from "../../kernel/domain-error.ts";
import { organizationName } from "../../laboratories/organizations.ts";
import type { Secret } from "../../secrets/secret-store.ts";
import { seededSets } from "../../seeding/apply-seeds.ts";
import { openAppRoles } from "../../tenant-schemas/app-login.ts";
import { type Check, check } from "../../tenant-schemas/verify-tenant-schema.ts";
import { roleOf } from "../credentials/tenant-secret.ts";
import { checkReadiness, type Readiness } from "../readiness/readiness.ts";
import { inSharedDatabase, inTenantDatabase } from "../site/databases.ts";
import type { Marked } from "./orphans.ts";
import type { RepairPorts } from "./ports.ts";
import { siteOfMarked } from "./stranger-site.ts";

/** A tenant as it is on its db server and in the secret store. */
export interface AsFound {
  readonly site: Awaited<ReturnType<typeof siteOfMarked>>;
  /** The app roles whose logins are open. */
  readonly open: readonly string[];
  /** The app role that its application uses. */
  readonly login: string;
  /** The tenant's own secret; null where there is none. */
  readonly secret: Secret | null;
  readonly checks: readonly Check[];
  readonly version: string | null;
  readonly migrations: number;
  readonly seedSets: readonly string[];
  /** What its organization is called; null where that is not known. */
  readonly name: string | null;
}

/**
 * Inspects a tenant that is known by its marks alone.
 *
 * @throws DomainError E_ADMIN_CONN_UNRESOLVED, E_SECRET_STORE where the store does not answer
 */
export async function inspectMarked(ports: RepairPorts, marked: Marked): Promise<AsFound> {
  const em = ports.orm.em.fork();
  const place = await siteOfMarked(ports, em, marked);
  const { names } = place;
  const { tenantId } = marked;
  const open = await inSharedDatabase(ports, place, (client) =>
    openAppRoles(client, { names, tenantId }),
  );
  const stored = await ports.secrets.get(names.secret);
  const secret = stored?.tags.tenantId === tenantId ? stored : null;
  const led = secret && roleOf(secret);
  const login = [names.appRole, names.appRoleB].find((role) => role === led) ?? open[0];
  const site = { ...place, login: login ?? names.appRole };
  const { seedSets, name } = await inTenantDatabase(ports, site, async (client: ClientBase) => ({
    seedSets: await seededSets(client, names),
    name: await organizationName(client, names.schema),
  })).catch(nothingInside);
  const { checks, version, migrations } = await readinessOf(ports, site, seedSets);
  return {
    site,
    open,
    login: site.login,
    secret,
    seedSets,
    name,
    checks,
    version,
    migrations,
  };
}

/** A database that is missing has nothing in it. */
function nothingInside(error: unknown): { seedSets: string[]; name: null } {
  if (!isDomainError(error, "E_TENANT_NOT_READY")) throw error;
  return { seedSets: [], name: null };
}

async function readinessOf(
  { orm, servers, secrets, config }: RepairPorts,
  site: AsFound["site"],
  seedSets: readonly string[],
): Promise<Readiness> {
  const ports = {
    orm,
    servers,
    secrets,
    migrations: config.tenantMigrations,
    seeds: config.tenantSeeds,
  };
  try {
    return await checkReadiness(ports, null, site, seedSets);
  } catch (error) {
    // A set that the folder has no more is no reason to leave a tenant out of the registry.
    if (!isDomainError(error, "E_SEED_SET_NOT_FOUND")) throw error;
    const found = await checkReadiness(ports, null, site, []);
    return { ...found, checks: [...found.checks, check("SEEDS", false, error.message)] };
  }
}
