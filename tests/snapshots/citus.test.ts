import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { coordinator, describeOnCitus, registerCluster } from "../kit/citus.ts";
import { freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { BUNDLED, openPlatform } from "../kit/platform.ts";
import { Life } from "../operations/_life.ts";

describeOnCitus("the bundled schema on a Citus cluster (needs CITUS_URL)", () => {
  const world = perFile(() => openPlatform({ environment: BUNDLED, worker: true }));
  const life = new Life(world);
  const slug = freshSlug("bundled");

  beforeAll(async () => {
    await registerCluster(world.platform);
  });

  afterAll(async () => {
    const purge = { slug, reason: "the test is over", immediately: true };
    await life.run("offboardTenant", { slug, reason: "the test is over" });
    await life.run("purgeTenant", purge);
  });

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
