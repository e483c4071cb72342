import { expect, test } from "vitest";
import { settingsFor } from "../../src/migration-folders/migration-source.ts";
import { applySeedSet } from "../../src/seeding/apply-seeds.ts";
import { openSeedFolder, resolveSets } from "../../src/seeding/seed-folder.ts";
import { applyMigrations } from "../../src/tenant-schemas/apply-migrations.ts";
import { openMigrationFolder } from "../../src/tenant-schemas/migration-folder.ts";
import { verifyTenantSchema } from "../../src/tenant-schemas/verify-tenant-schema.ts";
import { perFile } from "../kit/lifetime.ts";
import { openTenantDatabase } from "../kit/tenant-schemas.ts";

const world = perFile(openTenantDatabase);

test("the bundled schema and seeds are applied, verified, seeded again and dropped", async () => {
  const folder = await openMigrationFolder(settingsFor("migrations/tenant"));
  const sets = resolveSets(await openSeedFolder({ dir: "seeds/tenant", home: "public" }), ["all"]);
  const tenant = world.tenant();
  const { names } = tenant;
  await world.create(tenant);
  await applyMigrations(world.client, { names, folder, mode: "one-transaction" });
  const { checks } = await verifyTenantSchema(world.client, { names, folder });
  expect(checks.filter(({ passed }) => !passed)).toEqual([]);
  for (const set of sets) await applySeedSet(world.client, { names, set });
  for (const set of sets) {
    expect(await applySeedSet(world.client, { names, set })).toMatchObject({ rowsAdded: 0 });
  }
  expect((await world.drop(tenant)).dropped).toHaveLength(3);
});
