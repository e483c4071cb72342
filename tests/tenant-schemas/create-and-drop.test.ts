import { describe, expect, test } from "vitest";
import { scramVerifier } from "../../src/database/sql.ts";
import { createTenantSchema } from "../../src/tenant-schemas/create-tenant-schema.ts";
import { findLeftovers } from "../../src/tenant-schemas/leftovers.ts";
import {
  groupRoleOf,
  ownersRoleOf,
  prepareTenantDatabase,
} from "../../src/tenant-schemas/tenant-database.ts";
import { asSuperuser, createDatabase } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { LIMITS, openTenantDatabase, type Tenant } from "../kit/tenant-schemas.ts";

const world = perFile(openTenantDatabase);

const leftoversOf = (tenant: Tenant) => findLeftovers(world.client, tenant.names, tenant.tenantId);

describe("a tenant database", () => {
  test("can be prepared by many at once, and again", async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, () => world.connect()));
    await Promise.all(clients.map((client) => prepareTenantDatabase(client)));
  });

  test("lets no other role in", async () => {
    const stranger = world.tenant();
    await world.client.query(`create role ${stranger.names.appRole} login password 'strange-one'`);
    await expect(world.connect(stranger.names.appRole, "strange-one")).rejects.toMatchObject({
      code: "42501",
    });
  });
});

describe("a tenant schema", () => {
  test("is created with its two roles, all marked with the tenant's id", async () => {
    const tenant = world.tenant();
    expect(await leftoversOf(tenant)).toEqual([]);
    expect(await world.create(tenant)).toEqual({ created: true });
    const found = await leftoversOf(tenant);
    expect(found.map(({ kind }) => kind).sort()).toEqual(["APP_ROLE", "OWNER_ROLE", "SCHEMA"]);
    expect(found.every(({ ours, tenantId }) => ours && tenantId === tenant.tenantId)).toBe(true);
  });

  test("lets its app role in, with its schema as search path", async () => {
    const tenant = world.tenant();
    await world.create(tenant);
    const app = await world.login(tenant);
    const { rows } = await app.query("show search_path");
    expect(rows[0].search_path).toBe(`${tenant.names.schema}, ext`);
  });

  test("is created again without change, but for the password", async () => {
    const tenant = world.tenant();
    await world.create(tenant);
    const changed = { ...tenant, password: "another-password" };
    expect(await world.create(changed)).toEqual({ created: false });
    await world.login(changed);
    await expect(world.login(tenant)).rejects.toMatchObject({ code: "28P01" });
  });

  test("is created for eight tenants at once, and twice for each", async () => {
    const tenants = Array.from({ length: 8 }, () => world.tenant());
    const made = await Promise.all(
      [...tenants, ...tenants].map(async (tenant) => world.create(tenant, await world.connect())),
    );
    expect(made.filter(({ created }) => created)).toHaveLength(8);
    await Promise.all(tenants.map((tenant) => world.login(tenant)));
  });

  test("leaves nothing behind when the connection dies before the commit", async () => {
    const tenant = world.tenant();
    const victim = await world.connect();
    const { rows } = await victim.query("select pg_backend_pid() as pid");
    const blocker = await world.connect();
    await blocker.query("begin; lock table pg_default_acl in exclusive mode");
    const dying = expect(world.create(tenant, victim)).rejects.toThrow();
    await expect
      .poll(async () => {
        const waiting = "select 1 from pg_locks where pid = $1 and not granted";
        return (await world.client.query(waiting, [rows[0].pid])).rowCount;
      })
      .toBe(1);
    await world.client.query("select pg_terminate_backend($1, 5000)", [rows[0].pid]);
    await dying;
    await blocker.query("rollback");
    expect(await leftoversOf(tenant)).toEqual([]);
    expect(await world.create(tenant)).toEqual({ created: true });
  });

  test.each(["schema", "ownerRole", "appRole"] as const)(
    "is refused when a %s of its name is not its own, which stays untouched",
    async (kind) => {
      const tenant = world.tenant();
      const name = tenant.names[kind];
      const what = kind === "schema" ? "schema" : "role";
      await world.client.query(`create ${what} ${name}`);
      await expect(world.create(tenant)).rejects.toMatchObject({
        code: "E_PARTIAL_STATE",
        message: `The ${what} ${name} exists already and was not made by Tenantry`,
      });
      const { dropped, foreign } = await world.drop(tenant);
      expect(dropped).toEqual([]);
      expect(foreign.map((leftover) => leftover.name)).toEqual([name]);
      expect(await leftoversOf(tenant)).toMatchObject([{ name, tenantId: null, ours: false }]);
      await world.client.query(`drop ${what} ${name}`);
    },
  );

  test("of another tenant is neither taken over nor dropped", async () => {
    const tenant = world.tenant();
    await world.create(tenant);
    const thief = { ...tenant, tenantId: "another" };
    await expect(world.create(thief)).rejects.toMatchObject({ code: "E_PARTIAL_STATE" });
    expect((await world.drop(thief)).dropped).toEqual([]);
    await world.login(tenant);
  });

  test("wants a verifier, never a password", async () => {
    const tenant = world.tenant();
    const request = {
      ...tenant,
      appPasswordVerifier: tenant.password,
      connectDatabase: world.database,
      limits: LIMITS,
    };
    await expect(createTenantSchema(world.client, request)).rejects.toThrow(TypeError);
  });
});

describe("dropping a tenant schema", () => {
  test("ends the tenant's sessions and removes everything, once and again", async () => {
    const tenant = world.tenant();
    await world.create(tenant);
    const app = await world.login(tenant);
    const ended = new Promise((resolve) => app.once("end", resolve));
    expect((await world.drop(tenant)).dropped).toHaveLength(3);
    await ended;
    expect(await leftoversOf(tenant)).toEqual([]);
    expect((await world.drop(tenant)).dropped).toEqual([]);
  });

  test("leaves no trace in the access lists of the database and of ext", async () => {
    const lists = `select datacl::text, nspacl::text, (select count(*) from pg_default_acl) as defaults
      from pg_database, pg_namespace where datname = current_database() and nspname = 'ext'`;
    const before = (await world.client.query(lists)).rows;
    const tenant = world.tenant();
    await world.create(tenant);
    await world.drop(tenant);
    expect((await world.client.query(lists)).rows).toEqual(before);
  });

  test("takes large objects along that the application left wherever it could connect", async () => {
    const tenant = world.tenant();
    await world.create(tenant);
    await world.client.query(`grant connect on database postgres to ${tenant.names.appRole}`);
    for (const database of [world.database, "postgres"]) {
      const app = await world.login(tenant, database);
      await app.query("select lo_create(0)");
    }
    expect((await world.drop(tenant)).dropped).toHaveLength(3);
    expect(await leftoversOf(tenant)).toEqual([]);
  });

  test("names the other database in which somebody has given the application more", async () => {
    const tenant = world.tenant();
    await world.create(tenant);
    const other = await createDatabase("empty");
    const schema = `create schema kept authorization ${tenant.names.appRole}`;
    await asSuperuser(other.url, (client) => client.query(schema));
    await expect(world.drop(tenant)).rejects.toMatchObject({
      code: "E_PARTIAL_STATE",
      message: expect.stringContaining(`still hold something in ${other.database}`),
    });
    await other.drop();
    await world.drop(tenant);
    expect(await leftoversOf(tenant)).toEqual([]);
  });

  test("names who holds its tables when it has waited for them in vain", async () => {
    const tenant = world.tenant();
    await world.create(tenant);
    const [holder, admin] = [await world.connect(), await world.connect()];
    await holder.query("set application_name = 'a long look'");
    await holder.query(
      `begin; create table ${tenant.names.schema}.t (); commit; begin; table ${tenant.names.schema}.t`,
    );
    await admin.query("set lock_timeout = '100ms'");
    await expect(world.drop(tenant, admin)).rejects.toMatchObject({
      code: "E_UNAVAILABLE",
      transient: true,
      message: expect.stringMatching(/held by session \d+ of \w+ \(a long look\), since 20/),
      nextAction: expect.stringMatching(/pg_terminate_backend\(\d+\)/),
    });
    await holder.query("rollback");
    expect((await world.drop(tenant)).foreign).toEqual([]);
    expect(await leftoversOf(tenant)).toEqual([]);
  });

  test("goes on where an earlier attempt stopped", async () => {
    const tenant = world.tenant();
    await world.create(tenant);
    await world.client.query(
      `drop schema ${tenant.names.schema}; alter role ${tenant.names.appRole} nologin`,
    );
    expect((await world.drop(tenant)).dropped).toHaveLength(2);
    expect(await leftoversOf(tenant)).toEqual([]);
  });
});

describe("an admin that is no superuser", () => {
  test("creates, fills and drops a tenant schema", async () => {
    const { names, password } = world.tenant();
    const admin = names.ownerRole;
    await world.client.query(
      `create role ${admin} login createrole createdb password '${password}'`,
    );
    await world.client.query(`alter database ${world.database} owner to ${admin}`);
    await world.client.query(
      `alter schema public owner to ${admin}; alter schema ext owner to ${admin}`,
    );
    const groups = [groupRoleOf(world.database), ownersRoleOf(world.database)];
    await world.client.query(`grant ${groups.join(", ")} to ${admin} with admin option`);
    const client = await world.connect(admin, password);
    await prepareTenantDatabase(client);
    const tenant = world.tenant();
    await createTenantSchema(client, {
      ...tenant,
      appPasswordVerifier: scramVerifier(tenant.password),
      connectDatabase: world.database,
      limits: LIMITS,
    });
    await client.query(`begin; set local role ${tenant.names.ownerRole};
      create table ${tenant.names.schema}.t (); commit`);
    const app = await world.login(tenant);
    expect((await app.query("select count(*)::int as n from t")).rows).toEqual([{ n: 0 }]);
    expect((await world.drop(tenant, client)).dropped).toHaveLength(3);
    await world.client.query(`reassign owned by ${admin} to ${world.user}`);
  });
});
