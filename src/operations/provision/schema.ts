import { ensureFirstLaboratory } from "../../laboratories/first-laboratory.ts";
import { applySeedSet } from "../../seeding/apply-seeds.ts";
import { openSeedFolder, resolveSets } from "../../seeding/seed-folder.ts";
import { applyMigrations } from "../../tenant-schemas/apply-migrations.ts";
import { pendingOf } from "../../tenant-schemas/drift.ts";
import { openMigrationFolder } from "../../tenant-schemas/migration-folder.ts";
import { ensureSecret, expectSecret, removeSecret } from "../credentials/own-secret.ts";
import { passwordOf } from "../credentials/tenant-secret.ts";
import { type Skipped, skipped } from "../engine/phase.ts";
import { reportingProgress } from "../engine/progress.ts";
import { checkReadiness, refuseUnready } from "../readiness/readiness.ts";
import { refuseOldDeletion } from "../removal/lost-history.ts";
import { approvedFor, inTenantDatabase } from "../site/databases.ts";
import { ensureTenantSchema, removeTenantSchema } from "../site/schema.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import { tenantIdOf } from "../tenant-run.ts";
import type { ProvisionFacts, ProvisionRun } from "./run.ts";

/** Stores the app role's connection URL, with a new password, unless it is there already. */
export async function setSecret(ports: TenantPorts, run: ProvisionRun): Promise<undefined> {
  await ensureSecret(ports, run, await run.site());
}

/** Removes the secret if it was made for this tenant. */
export async function unsetSecret(ports: TenantPorts, run: ProvisionRun): Promise<void> {
  await refuseOldDeletion(ports, run);
  await removeSecret(ports, run);
}

/** Creates the tenant's roles and its empty schema, in a database of its own where it is to have one. */
export async function createSchema(ports: TenantPorts, run: ProvisionRun): Promise<undefined> {
  const password = passwordOf((await expectSecret(ports, run)).value);
  const tenant = await run.tenant();
  await ensureTenantSchema(ports, await run.site(), { tenant, password });
}

/** Drops schema, database and roles, as far as they were made for this tenant. */
export async function dropSchema(ports: TenantPorts, run: ProvisionRun): Promise<void> {
  await refuseOldDeletion(ports, run);
  await removeTenantSchema(ports, await run.site(), tenantIdOf(run));
}

/** Applies every migration in one transaction: a fresh schema needs no more. */
export async function migrateSchema(
  ports: TenantPorts,
  run: ProvisionRun,
): Promise<Partial<ProvisionFacts> | Skipped> {
  const site = await run.site();
  const { names } = site;
  const folder = await openMigrationFolder(ports.migrations);
  if (folder.migrations.length === 0)
    return skipped("tenants are to have no tables: TENANT_MIGRATIONS_FORMAT is none");
  const approvedExtensions = await approvedFor(ports, site);
  let done = 0;
  let at = 0;
  let total = 0;
  const { version } = await reportingProgress(run, (report) =>
    inTenantDatabase(ports, site, (client) =>
      applyMigrations(client, {
        names,
        folder,
        approvedExtensions,
        mode: "one-transaction",
        limits: { longestTimeoutMs: ports.migrations.longestTimeoutMs },
        onBegin: (ledger) => {
          // An earlier attempt may have come to any of them.
          done = ledger.length;
          total = done + pendingOf(folder, ledger).length;
          at = done;
          report(at, total);
        },
        onFileApplied: (file, index) => {
          at = done + index + 1;
          report(at, total, file.id);
        },
        onWait: (message) => report(at, total, message),
      }),
    ),
  );
  return { migrationsApplied: total, schemaVersion: version };
}

/** Applies the seed sets, then adds the organization and its first laboratory where the schema takes them. */
export async function applySeeds(
  ports: TenantPorts,
  run: ProvisionRun,
): Promise<Partial<ProvisionFacts> | Skipped> {
  const site = await run.site();
  const sets = resolveSets(await openSeedFolder(ports.seeds), run.input.seeds);
  const seedRows: { set: string; rows: number }[] = [];
  const withoutLaboratory = await inTenantDatabase(ports, site, async (client) => {
    for (const [index, set] of sets.entries()) {
      await run.progress(index, sets.length, `seeding ${set.name}`);
      const { rowsAdded } = await applySeedSet(client, { names: site.names, set });
      seedRows.push({ set: set.name, rows: rowsAdded });
    }
    const { input } = run;
    return await ensureFirstLaboratory(client, site.names, {
      ...input,
      laboratory: input.initialLaboratory,
    });
  });
  if (withoutLaboratory === null) await run.progress(sets.length, sets.length);
  else {
    const why = `the schema takes no laboratory: ${withoutLaboratory}`;
    if (sets.length === 0) return skipped(`no seed set was asked for, and ${why}`);
    await run.progress(sets.length, sets.length, why);
  }
  return { seedRows };
}

/**
 * Verifies what was made, as activating a tenant does.
 *
 * @throws DomainError E_TENANT_NOT_READY naming every check that failed
 */
export async function verifyTenant(
  ports: TenantPorts,
  run: ProvisionRun,
): Promise<Partial<ProvisionFacts>> {
  const site = await run.site();
  const readiness = await checkReadiness(ports, run, site, run.input.seeds);
  refuseUnready(readiness);
  const { tables, migrations: migrationsApplied, version: schemaVersion } = readiness;
  return { tables, migrationsApplied, schemaVersion, roleLogin: true };
}
