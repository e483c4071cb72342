import { scramVerifier } from "../../database/sql.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { ensureFirstLaboratory } from "../../laboratories/first-laboratory.ts";
import { sslOf } from "../../placement/server-connections.ts";
import { applySeedSet, verifySeeds } from "../../seeding/apply-seeds.ts";
import { openSeedFolder, resolveSets } from "../../seeding/seed-folder.ts";
import { applyMigrations } from "../../tenant-schemas/apply-migrations.ts";
import { createTenantSchema } from "../../tenant-schemas/create-tenant-schema.ts";
import { dropTenantSchema } from "../../tenant-schemas/drop-tenant-schema.ts";
import { openMigrationFolder } from "../../tenant-schemas/migration-folder.ts";
import { probeAppLogin } from "../../tenant-schemas/probe-app-login.ts";
import {
  summariseTenantSchema,
  verifyTenantSchema,
} from "../../tenant-schemas/verify-tenant-schema.ts";
import { type Skipped, skipped } from "../engine/phase.ts";
import { reportProgress } from "../engine/progress.ts";
import type { ProvisionFacts, ProvisionPorts, ProvisionRun } from "./ports.ts";
import { tenantIdOf } from "./registry.ts";
import { siteOf, type TenantSite } from "./site.ts";

/** Creates the tenant's roles and its empty schema. */
export async function createSchema(ports: ProvisionPorts, run: ProvisionRun): Promise<undefined> {
  const site = await siteOf(ports.orm, run, ports.schemaPrefix);
  const { password } = await readSecret(ports, site);
  await ports.servers.asAdmin(site.server, site.database, (client) =>
    createTenantSchema(client, {
      names: site.names,
      tenantId: tenantIdOf(run),
      appPasswordVerifier: scramVerifier(password),
      connectDatabase: site.database,
    }),
  );
}

/** Drops the schema and the roles, as far as they were made for this tenant. */
export async function dropSchema(ports: ProvisionPorts, run: ProvisionRun): Promise<void> {
  const site = await siteOf(ports.orm, run, ports.schemaPrefix);
  await ports.servers.asAdmin(site.server, site.database, (client) =>
    dropTenantSchema(client, { names: site.names, tenantId: tenantIdOf(run) }),
  );
}

/** Applies every migration in one transaction: a fresh schema needs no more. */
export async function migrateSchema(
  ports: ProvisionPorts,
  run: ProvisionRun,
): Promise<Partial<ProvisionFacts> | Skipped> {
  const site = await siteOf(ports.orm, run, ports.schemaPrefix);
  const folder = await openMigrationFolder(ports.migrationsDir);
  const total = folder.migrations.length;
  if (total === 0) return skipped("the migration folder is empty");
  await run.progress(0, total);
  const progress = reportProgress(run);
  const { version } = await ports.servers.asAdmin(site.server, site.database, (client) =>
    applyMigrations(client, {
      names: site.names,
      folder,
      mode: "one-transaction",
      onFileApplied: (file, index) => progress.report(index + 1, total, file.id),
    }),
  );
  await progress.flush();
  return { migrationsApplied: total, schemaVersion: version };
}

/** Applies the seed sets, then adds the organization and its first laboratory. */
export async function applySeeds(
  ports: ProvisionPorts,
  run: ProvisionRun,
): Promise<Partial<ProvisionFacts> | Skipped> {
  const site = await siteOf(ports.orm, run, ports.schemaPrefix);
  const sets = resolveSets(await openSeedFolder(ports.seedsDir), run.input.seeds);
  const seedRows: { set: string; rows: number }[] = [];
  const laboratory = await ports.servers.asAdmin(site.server, site.database, async (client) => {
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
  if (sets.length === 0 && !laboratory)
    return skipped("no seed set was asked for, and the schema has no laboratory");
  await run.progress(sets.length, sets.length);
  return { seedRows };
}

/**
 * Verifies what was made: migrations, schema, seeds, and the app role's login with the secret as the
 * store answers it.
 *
 * @throws DomainError E_TENANT_NOT_READY naming every check that failed
 */
export async function verifyTenant(
  ports: ProvisionPorts,
  run: ProvisionRun,
): Promise<Partial<ProvisionFacts>> {
  const site = await siteOf(ports.orm, run, ports.schemaPrefix);
  const folder = await openMigrationFolder(ports.migrationsDir);
  const sets = resolveSets(await openSeedFolder(ports.seedsDir), run.input.seeds);
  const { names } = site;
  const { checks, tables } = await ports.servers.asAdmin(
    site.server,
    site.database,
    async (client) => ({
      checks: [
        ...(await verifyTenantSchema(client, { names, folder })),
        await verifySeeds(client, names, sets),
      ],
      tables: (await summariseTenantSchema(client, names)).tables,
    }),
  );
  const login = await probeAppLogin({ ...(await readSecret(ports, site)), names });
  const failed = [...checks, login].filter((check) => !check.passed);
  if (failed.length > 0) {
    throw new DomainError("E_TENANT_NOT_READY", {
      message: failed.map((check) => `${check.name}: ${check.message}`).join("; "),
      detail: { failed },
    });
  }
  return { tables, roleLogin: true };
}

async function readSecret({ secrets }: ProvisionPorts, { names, server, database }: TenantSite) {
  const secret = await secrets.get(names.secret);
  if (!secret)
    throw new DomainError("E_SECRET_STORE", { message: `The secret ${names.secret} is gone` });
  const { username, password } = new URL(secret.value);
  return {
    host: server.host,
    port: server.port,
    database,
    ssl: sslOf(server),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
}
