import type { EntityManager } from "../../database/orm.ts";
import type { DbServer } from "../../placement/db-server.entity.ts";
import { previewPlacement } from "../../placement/placement.ts";
import { openSeedFolder, resolveSets } from "../../seeding/seed-folder.ts";
import { missingExtensions } from "../../tenant-schemas/extensions.ts";
import { findLeftovers, partialState } from "../../tenant-schemas/leftovers.ts";
import {
  openMigrationFolder,
  refuseSharedDatabase,
} from "../../tenant-schemas/migration-folder.ts";
import { type NameRules, namesOf } from "../../tenants/names.ts";
import { parseSlug } from "../../tenants/slug.ts";
import { refuseForeignSecret } from "../credentials/tenant-secret.ts";
import { passedOverIn } from "../migration-check/check-migrations.ts";
import { inSharedDatabase } from "../site/databases.ts";
import { databaseOn, hasOwnDatabase, siteOfTenant } from "../site/site.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import { filesPart } from "./plan-hash.ts";
import type { ProvisionFacts, ProvisionRun } from "./run.ts";

/** No tenant has this id: in a dry run everything that exists is somebody else's. */
const NOBODY = "00000000-0000-0000-0000-000000000000";

/** Statements that a plan names: more are counted. */
const MOST_PASSED_OVER = 50;

/** Reads the place that was reserved when the operation was started; a dry run chooses one. */
export async function resolvePlacement(
  ports: NameRules,
  run: ProvisionRun,
  em: EntityManager,
): Promise<Partial<ProvisionFacts>> {
  if (run.dryRun) {
    const server = await previewPlacement(em, run.input);
    const names = namesOf(parseSlug(run.subjectName), ports);
    return placeOf(server, databaseOn(server, run.input.isolation, names));
  }
  const { server, database } = await siteOfTenant(em, await run.tenant(em));
  return placeOf(server, database);
}

const placeOf = ({ id, name }: DbServer, database: string): Partial<ProvisionFacts> => ({
  dbServerId: id,
  dbServer: name,
  database,
});

/**
 * Checks that the server answers and nothing is in the way, and reads the migrations and seeds
 * that will be applied, so that a broken file is refused before anything is made.
 *
 * @throws DomainError E_PARTIAL_STATE, E_ADMIN_CONN_UNRESOLVED, E_MIGRATION_FOLDER,
 *   E_MIGRATION_UNSAFE, E_MIGRATIONS_FAILED, E_ISOLATION_REQUIRED
 */
export async function checkState(
  ports: TenantPorts,
  run: ProvisionRun,
): Promise<Partial<ProvisionFacts>> {
  const site = await run.site();
  const tenantId = run.subjectId ?? NOBODY;
  await refuseForeignSecret(ports.secrets, site.names.secret, { id: tenantId });
  const leftovers = await inSharedDatabase(ports, site, (client) =>
    findLeftovers(client, site.names, tenantId),
  );
  const foreign = leftovers.find((leftover) => !leftover.ours);
  if (foreign) throw partialState(foreign);
  const folder = await openMigrationFolder(ports.migrations);
  if (!hasOwnDatabase(site)) refuseSharedDatabase(folder);
  await inSharedDatabase(ports, site, (client) => missingExtensions(client, folder.migrations));
  const sets = resolveSets(await openSeedFolder(ports.seeds), run.input.seeds);
  const passedOver = passedOverIn(folder.migrations);
  return {
    migrations: folder.migrations.map((migration) => migration.id),
    migrationFormat: folder.format,
    passedOver: passedOver.slice(0, MOST_PASSED_OVER),
    passedOverCount: passedOver.length,
    seedSets: sets.map((set) => set.name),
    ...(run.dryRun ? { files: await filesPart(ports) } : {}),
  };
}
