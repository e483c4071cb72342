import { beforeAll, expect, test } from "vitest";
import { freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";
import { linesOf, tenantry } from "./_run.ts";

const world = perFile(() => openPlatform({ worker: true }));
const run = (...words: string[]) => tenantry(words, world.environment);

let slug: string;
beforeAll(async () => {
  slug = freshSlug("list");
  await provision(world.platform, { slug });
  await world.newUser("nine quiet herons wait");
  // More than a page of the API, and than a person is shown unasked.
  await world.platform.orm.em.fork().execute(
    `insert into platform.tenant (id, slug, name, status, isolation, schema_name, owner_role, app_role,
       secret_name, admin_email, tier, labels, time_zone, created_at, updated_at)
     select gen_random_uuid(), 'many-' || n, 'Many', 'PROVISIONING', 'SCHEMA', 'org_many_' || n,
       'owner_' || n, 'app_' || n, 'secret-' || n, 'a@b.test', 'TRIAL', '{}', 'UTC', now(), now()
     from generate_series(1, 90) n`,
  );
});

test("a person is shown twenty rows unless told otherwise, a script gets all of them", async () => {
  const [table, all, two, much] = await Promise.all([
    run("tenant", "list"),
    run("tenant", "list", "--json"),
    run("tenant", "list", "--json", "--limit", "2"),
    run("tenant", "list", "--limit", "1001"),
  ]);
  expect(table.stdout.trim().split("\n")).toHaveLength(1 + 20);
  expect(table.stderr).toBe("There are more than 20: raise --limit, or filter.\n");
  expect(all).toMatchObject({ end: 0, stderr: "" });
  expect(new Set(linesOf(all).map((tenant) => tenant.slug)).size).toBe(91);
  expect(linesOf(two)).toHaveLength(2);
  expect(two.stderr).toContain("There are more than 2");
  expect(much).toMatchObject({ end: 2, stdout: "" });
});

test.each([
  ["operation", 1],
  ["user", 1],
  ["token", 0],
])("%s list writes JSON lines without a limit, too", async (what, count) => {
  const listed = await run(what, "list", "--json");
  expect(listed).toMatchObject({ end: 0, stderr: "" });
  expect(linesOf(listed)).toHaveLength(count);
});

test("where no tenant is behind, that is said, with the folder that it is true of", async () => {
  const behind = ["tenant", "list", "--behind", "--text", slug];
  expect(await run(...behind)).toEqual({
    end: 0,
    stdout: "",
    stderr: `No tenant lacks migrations of ${SMALL.TENANT_MIGRATIONS_DIR}.\n`,
  });
  expect(await run(...behind, "--json")).toEqual({ end: 0, stdout: "", stderr: "" });
  expect((await run("tenant", "list", "--text", "nothing-like-it")).stderr).toBe("No tenants.\n");
});
