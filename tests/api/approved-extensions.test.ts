import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser, freshSlug, urlOf } from "../kit/database.ts";
import { OPERATION, PROVISION } from "../kit/documents.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd, provisionRequest } from "../kit/tenants.ts";
import { worldOf } from "../kit/world.ts";

const migrations = perFile(() => openFolder());
const world = perFile(() =>
  openPlatform({
    worker: true,
    environment: { TENANT_MIGRATIONS_DIR: migrations.path, TENANT_SEEDS_DIR: migrations.path },
  }),
);
const administrator = perFile(() => openTestApi(world).then((api) => api.as("ADMINISTRATOR")));

async function provision(slug: string, isolation: "SCHEMA" | "DATABASE") {
  const input = { ...provisionRequest({ slug, seeds: [] }), isolation };
  const { provisionTenant } = await administrator.ask(PROVISION, { input });
  await followToEnd(world.platform, provisionTenant.operation.id);
  return (await administrator.ask(OPERATION, { id: provisionTenant.operation.id })).operation;
}

test("an untrusted extension is refused before anything is made, until an operator approves it", async () => {
  await writeFile(
    join(migrations.path, "0001_far.sql"),
    "create extension tablefunc;\ncreate extension dblink;\ncreate table t (a int);",
  );
  const before = await worldOf(world.platform, "ext");
  for (const isolation of ["SCHEMA", "DATABASE"] as const) {
    const { state, error } = await provision(freshSlug("ext"), isolation);
    expect({ state, error }).toMatchObject({
      state: "FAILED",
      error: { code: "E_MIGRATION_UNSAFE", phase: "STATE_CHECKED" },
    });
    expect(error?.message).toMatch(/0001_far.sql line 2: the extension "dblink" is not a trusted/);
  }
  expect(await worldOf(world.platform, "ext")).toEqual(before);

  const shared = `${new URL(world.platform.databaseUrl).pathname.slice(1)}_tenants`;
  await asSuperuser(urlOf(world.platform.databaseUrl, shared), (operator) =>
    operator.query("create extension dblink schema ext; create extension citext schema ext"),
  );
  for (const isolation of ["SCHEMA", "DATABASE"] as const) {
    const slug = freshSlug("ext");
    expect(await provision(slug, isolation)).toMatchObject({ state: "SUCCEEDED", error: null });
    const database = isolation === "SCHEMA" ? shared : `tenant_${slug.replaceAll("-", "_")}`;
    const { rows } = await asSuperuser(urlOf(world.platform.databaseUrl, database), (client) =>
      client.query(
        "select extname from pg_extension where extnamespace = 'ext'::regnamespace order by 1",
      ),
    );
    expect(rows.map(({ extname }) => extname)).toEqual(["citext", "dblink", "tablefunc"]);
  }
});
