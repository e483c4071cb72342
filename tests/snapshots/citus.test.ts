import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { coordinator, describeOnCitus } from "../kit/citus.ts";
import { freshSlug } from "../kit/database.ts";
import { openPlatform, type TestPlatform } from "../kit/platform.ts";
import { registerServer } from "../kit/servers.ts";
import { Life } from "../operations/_life.ts";

const ROOT = join(import.meta.dirname, "../..");

describeOnCitus("the bundled schema on a Citus cluster (needs CITUS_URL)", () => {
  let world: TestPlatform;
  let life: Life;
  const slug = freshSlug("bundled");

  beforeAll(async () => {
    const environment = {
      TENANT_MIGRATIONS_DIR: join(ROOT, "migrations/tenant"),
      TENANT_SEEDS_DIR: join(ROOT, "seeds/tenant"),
    };
    world = await openPlatform({ environment });
    life = new Life(world.platform);
    await world.startWorker();
    await registerServer(world.platform, coordinator(), { name: "cluster", kind: "CITUS" });
  }, 60_000);

  afterAll(async () => {
    const purge = { slug, reason: "the test is over", immediately: true };
    await life?.run("offboardTenant", { slug, reason: "the test is over" });
    await life?.run("purgeTenant", purge);
    await world?.[Symbol.asyncDispose]();
  }, 120_000);

  test("is provisioned with all seeds, and its snapshots are refreshed", async () => {
    await life.provisioned({ slug, dbServer: "cluster" });
    const url = new URL(coordinator().url);
    url.searchParams.set("options", `-c search_path=org_${slug.replaceAll("-", "_")},ext`);
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      await client.query(`
        insert into client (code, name) values ('C1', 'City Hospital');
        insert into patient (patient_number, client_id, family_name, birth_date)
          select 'PAT1', id, 'Grey', '1980-02-29' from client where code = 'C1'`);
      const refreshed = await life.run("refreshSnapshots", { slug, hard: true, confirm: true });
      expect(refreshed).toMatchObject({ state: "SUCCEEDED", error: null });
      const { rows } = await client.query(
        "select metadata_snapshot -> 'client' ->> 'name' as client from patient",
      );
      expect(rows).toEqual([{ client: "City Hospital" }]);
    } finally {
      await client.end();
    }
  }, 300_000);
});
