import { describe, expect, test } from "vitest";
import { ensureFirstLaboratory } from "../../src/laboratories/first-laboratory.ts";
import { lookAsOwner, transactAsOwner } from "../../src/tenant-schemas/as-owner.ts";
import { perFile } from "../kit/lifetime.ts";
import { openTenantDatabase, type Tenant } from "../kit/tenant-schemas.ts";

const world = perFile(openTenantDatabase);

const FIRST = {
  name: "Acme",
  slug: "acme",
  setupName: "acme",
  laboratory: "Main",
  region: null,
  vertical: "clinical",
  states: ["CA", "NV"],
  timeZone: "America/Los_Angeles",
  supportEmail: "help@acme.test",
  supportPhone: null,
};

const TABLES = `
  create table organization (id int generated always as identity, name text, slug text,
    setup_name text unique, region text, vertical text, states text[], time_zone text,
    support_email text, support_phone text);
  create table laboratory (id int generated always as identity, organization_id int, name text,
    unique (organization_id, name));`;

/** A tenant whose schema was made by its owner role. */
async function tenantWith(sql: string): Promise<Tenant> {
  const tenant = world.tenant();
  await world.create(tenant);
  const { ownerRole, schema } = tenant.names;
  await world.client.query(
    `set role ${ownerRole}; set search_path = ${schema}; ${sql}; reset role; reset search_path`,
  );
  return tenant;
}
const inSchema = async ({ names }: Tenant, sql: string) =>
  (await world.client.query(sql.replaceAll("$schema", names.schema))).rows;

describe("working as a tenant's owner role", () => {
  test("adds the first laboratory once, and tells where a schema has none", async () => {
    const tenant = await tenantWith(TABLES);
    expect(await ensureFirstLaboratory(world.client, tenant.names, FIRST)).toBeNull();
    expect(await ensureFirstLaboratory(world.client, tenant.names, FIRST)).toBeNull();
    expect(
      await inSchema(
        tenant,
        `select o.states, o.time_zone, o.support_email, o.region, l.name
         from $schema.laboratory l join $schema.organization o on o.id = l.organization_id`,
      ),
    ).toEqual([
      {
        states: ["CA", "NV"],
        time_zone: "America/Los_Angeles",
        support_email: "help@acme.test",
        region: null,
        name: "Main",
      },
    ]);
    const empty = await tenantWith("select 1");
    expect(await ensureFirstLaboratory(world.client, empty.names, FIRST)).toBe(
      "it has no tables organization and laboratory",
    );
  });

  test("lets no trigger of the tenant become the admin, also not a deferred one", async () => {
    const climbOut = `create function escape() returns trigger language plpgsql as $f$
      begin execute 'reset' || ' role'; return new; end $f$;`;
    const atOnce = await tenantWith(
      `${TABLES} ${climbOut} create trigger t before insert on laboratory for each row execute function escape();`,
    );
    await expect(ensureFirstLaboratory(world.client, atOnce.names, FIRST)).rejects.toThrow(
      /cannot set parameter "role" within security-definer function/,
    );
    const deferred = await tenantWith(
      `${TABLES} ${climbOut} create constraint trigger t after insert on laboratory
       deferrable initially deferred for each row execute function escape();`,
    );
    await expect(ensureFirstLaboratory(world.client, deferred.names, FIRST)).rejects.toThrow(
      /cannot set parameter "role" within security-definer function/,
    );
    expect(await inSchema(deferred, "select * from $schema.organization")).toEqual([]);
  });

  test("stops where the tenant replaces the way in", async () => {
    const tenant = await tenantWith(
      `create function swap() returns jsonb language plpgsql as $f$ begin
        create or replace function tenantry_ask(text, jsonb) returns jsonb
          language sql as 'select null::jsonb';
        return null; end $f$;`,
    );
    const work = transactAsOwner(world.client, tenant.names, async (ask) => {
      await ask("select swap()");
      return await ask("select to_jsonb(1)");
    });
    await expect(work).rejects.toThrow("its way in was changed");
  });

  test("keeps what a transaction does, nothing of a look, and no helper", async () => {
    const tenant = await tenantWith("create table t (id int)");
    const insert =
      "with added as (insert into t select ($1->>'id')::int returning id) select to_jsonb(added) from added";
    const kept = await transactAsOwner(world.client, tenant.names, (ask) => ask(insert, { id: 1 }));
    expect(kept).toEqual({ id: 1 });
    expect(await lookAsOwner(world.client, tenant.names, (ask) => ask(insert, { id: 2 }))).toEqual({
      id: 2,
    });
    const failing = transactAsOwner(world.client, tenant.names, async (ask) => {
      await ask(insert, { id: 3 });
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await inSchema(tenant, "select id from $schema.t")).toEqual([{ id: 1 }]);
    expect(
      await inSchema(
        tenant,
        "select proname from pg_proc where pronamespace = '$schema'::regnamespace",
      ),
    ).toEqual([]);
    expect(await inSchema(tenant, "select current_user = session_user as same")).toEqual([
      { same: true },
    ]);
  });
});
