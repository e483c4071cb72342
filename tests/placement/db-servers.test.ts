import { describe, expect, test } from "vitest";
import { checkDbServer } from "../../src/placement/check-server.ts";
import { type DbServer, DbServerEntity } from "../../src/placement/db-server.entity.ts";
import {
  registerDbServer,
  setDbServerStatus,
  updateDbServer,
} from "../../src/placement/db-servers.ts";
import { ensureDefaultServer } from "../../src/placement/default-server.ts";
import type { SecretStore } from "../../src/secrets/secret-store.ts";
import { register as registerTenant } from "../api/_tenant-operations.ts";
import { asSuperuser, freshName, urlOf } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { registerServer, startServer } from "../kit/servers.ts";
import { openSessionPooler } from "../kit/session-pooler.ts";
import { OPERATOR } from "../kit/tenants.ts";
import { rewriteHba } from "../kit/tls.ts";
import { openTransactionPooler } from "../kit/transaction-pooler.ts";

const world = perFile(openPlatform);
const server = perFile(startServer);

const sql = (url: string, text: string) =>
  asSuperuser(url, async (client) => (await client.query({ text, rowMode: "array" })).rows);

/** What was written about db servers: rows and facts. */
const written = async () => [
  await sql(world.platform.databaseUrl, "select name from platform.db_server order by 1"),
  await sql(
    world.platform.databaseUrl,
    "select type, detail from platform.audit_event where type like 'DB_SERVER%' order by sequence",
  ),
];

/** A request that leads to the test's server, with a secret of its own. */
async function request(fields: Record<string, unknown> = {}, secret: string = server.url) {
  const name = freshName("eu-");
  const adminSecretRef = `db-server-${name}`;
  if (secret !== "") await world.platform.secrets.set(adminSecretRef, secret, {});
  const { host, port } = server;
  return { name, region: "eu", host, port, tlsMode: "DISABLE", adminSecretRef, ...fields };
}

const loginAs = (user: string, password: string) => {
  const url = new URL(server.url);
  url.username = user;
  url.password = password;
  return url.href;
};

/** Registers what is to be removed again: an address has one db server. */
async function forget({ id }: DbServer): Promise<void> {
  const { platform } = world;
  await platform.orm.em.fork().nativeDelete(DbServerEntity, { id });
}

describe("registering a db server", () => {
  test("prepares it, writes the row and the fact, and can be done with other names only", async () => {
    const { platform } = world;
    const labels = [{ key: "team", value: "emea" }];
    const admitted = await registerDbServer(platform, OPERATOR, await request({ labels }));
    expect(admitted).toMatchObject({
      status: "ACTIVE",
      capacityHint: 1000,
      kind: "POSTGRES",
      labels: { team: "emea" },
    });
    const tenants = new URL(server.url);
    tenants.pathname = `/${admitted.tenantDatabase}`;
    const rights = `select has_database_privilege('public', current_database(), 'connect'),
      has_schema_privilege('public', 'ext', 'usage')`;
    expect(await sql(tenants.href, rights)).toEqual([[false, false]]);
    const again = { name: admitted.name, host: "127.0.0.2" };
    for (const other of [again, {}]) {
      const clash = registerDbServer(platform, OPERATOR, await request(other));
      await expect(clash).rejects.toMatchObject({ code: "E_DB_SERVER_EXISTS" });
    }
    const [, facts] = await written();
    const detail = { dbServer: admitted.name, region: "eu", capacityHint: 1000 };
    expect(facts).toEqual([["DB_SERVER_REGISTERED", detail]]);
    await forget(admitted);
  });

  test("takes an admin with CREATEDB and CREATEROLE, and stores the login that is brought along", async () => {
    const { platform } = world;
    await sql(server.url, "create role keeper login createdb createrole password 'k3/e@per:'");
    const asked = await request({}, "");
    const admin = { user: "keeper", password: "k3/e@per:" };
    // Its own tenant database: the superuser's of the test before is not this admin's.
    const elsewhere = { ...platform, databaseUrl: `${platform.databaseUrl}_k` };
    const admitted = await registerDbServer(elsewhere, OPERATOR, asked, admin);
    const check = await checkDbServer(platform, admitted);
    expect(check).toMatchObject({
      fault: null,
      probed: { superuser: false },
      warnings: [
        expect.stringMatching(/may enter the databases postgres, template1, as every role/),
      ],
    });
    const twice = registerDbServer(platform, OPERATOR, { ...asked, name: "x", port: 1 }, admin);
    await expect(twice).rejects.toMatchObject({ code: "E_PARTIAL_STATE" });
    const wrong = updateDbServer(
      platform,
      OPERATOR,
      { name: asked.name },
      { ...admin, password: "x" },
    );
    await expect(wrong).rejects.toMatchObject({ code: "E_ADMIN_CONN_UNRESOLVED" });
    await sql(server.url, "alter role keeper password 'other'");
    expect((await checkDbServer(platform, admitted)).fault).toMatch(
      /PostgreSQL refuses the login \(28P01/,
    );
    await updateDbServer(platform, OPERATOR, { name: asked.name }, { ...admin, password: "other" });
    expect((await checkDbServer(platform, admitted)).fault).toBeNull();
    await forget(admitted);
  });

  test("goes on where it was cut off when the login was stored and the row was not", async () => {
    const { platform } = world;
    const asked = await request({}, "");
    const { username: user, password } = new URL(server.url);
    await forget(await registerDbServer(platform, OPERATOR, asked, { user, password }));
    const other = registerDbServer(platform, OPERATOR, asked, { user, password: "another" });
    expect((await refused(other)).code).toBe("E_PARTIAL_STATE");
    await forget(await registerDbServer(platform, OPERATOR, asked, { user, password }));
  });

  test("refuses what cannot be entered or used, and leaves no trace", async () => {
    const { platform } = world;
    await sql(server.url, "create role weak login password 'weak'");
    const before = await written();
    const unresolved = (message: RegExp) => ({ code: "E_ADMIN_CONN_UNRESOLVED", message });
    const faulty = (path: string, message: RegExp) => ({
      code: "E_VALIDATION",
      issues: [{ path: [path], message: expect.stringMatching(message) }],
    });
    const cases: [object, object][] = [
      [await request({ port: 1 }), unresolved(/nobody answers at its address \(ECONNREFUSED/)],
      [await request({ host: "nowhere.invalid" }), unresolved(/host name is not known/)],
      [await request({}, ""), unresolved(/its secret 'db-server-eu-\w+' does not exist/)],
      [
        await request({}, loginAs("postgres", "wrong")),
        unresolved(/PostgreSQL refuses the login \(28P01/),
      ],
      [await request({}, "hunter2"), unresolved(/is no URL of the form/)],
      [await request({}, "postgres://hunter2/postgres"), unresolved(/is no URL of the form/)],
      [await request({ tlsMode: "REQUIRE" }), unresolved(/TLS/)],
      [await request({}, loginAs("weak", "weak")), faulty("adminSecretRef", /CREATEDB/)],
      [
        await request({ adminSecretRef: "db-server-default" }),
        faulty("adminSecretRef", /platform/),
      ],
      [await request({ host: "169.254.169.254" }), faulty("host", /link-local/)],
      [await request({ host: "/var/run/postgresql" }), faulty("host", /host name or an IP/)],
      [await request({ kind: "CITUS" }), faulty("kind", /no extension citus/)],
    ];
    for (const [asked, refusal] of cases) {
      const { code, message, issues } = await refused(registerDbServer(platform, OPERATOR, asked));
      expect({ code, message, issues }).toMatchObject(matching(refusal));
      expect(message).not.toContain("hunter2");
    }
    expect(await written()).toEqual(before);
  });

  test("knows a server by another name of its host, the platform's own too", async () => {
    const { platform } = world;
    const admitted = await registerDbServer(platform, OPERATOR, await request());
    const own = new URL(platform.databaseUrl);
    const cases: [string, Record<string, unknown>, string][] = [
      [admitted.name, { host: "localhost" }, server.url],
      ["default", { host: "localhost", port: Number(own.port) }, own.href],
    ];
    for (const [name, fields, secret] of cases) {
      const asked = await request(fields, secret);
      const error = await refused(registerDbServer(platform, OPERATOR, asked));
      expect(error).toMatchObject({ code: "E_DB_SERVER_EXISTS" });
      expect(error.message).toContain(`is the db server '${name}'`);
    }
    await forget(admitted);
  });

  test("refuses the database of another platform that is called the same", async () => {
    const { platform } = world;
    const admitted = await registerDbServer(platform, OPERATOR, await request());
    await forget(admitted);
    const tenants = urlOf(server.url, admitted.tenantDatabase);
    const mark = (platform: string) => `'tenantry:platform=${platform};db-server=eu-1'`;
    await sql(tenants, `comment on schema ext is ${mark("01a00000-0000-7000-8000-000000000000")}`);
    const error = await refused(registerDbServer(platform, OPERATOR, await request()));
    expect(error).toMatchObject({ code: "E_PARTIAL_STATE" });
    expect(error.message).toContain("another Tenantry");
    await sql(tenants, "comment on schema ext is null");
    await forget(await registerDbServer(platform, OPERATOR, await request()));
  });

  test("names every faulty field at once", async () => {
    const wrong = {
      name: "EU 1",
      region: "",
      host: "a b",
      port: 70_000,
      labels: [{ key: "A B", value: "" }],
    };
    const error = await refused(registerDbServer(world.platform, OPERATOR, wrong));
    expect(error.issues.map(({ path }) => path[0])).toEqual(
      expect.arrayContaining(["name", "region", "host", "port", "labels", "adminSecretRef"]),
    );
  });

  test("sends no secret of a tenant or of the platform to a server", async () => {
    const { secrets } = world.platform;
    for (const tags of [{ tenantId: "t" }, { purpose: "platform access-token key" }]) {
      const asked = await request();
      await secrets.set(asked.adminSecretRef, server.url, tags as Record<string, string>);
      const error = await refused(registerDbServer(world.platform, OPERATOR, asked));
      expect(error.message).toMatch(/serves another purpose/);
    }
  });

  test("refuses a pooler in transaction mode", async () => {
    await using pooler = await openTransactionPooler(server.url);
    const { host, port } = pooler;
    const asked = await request({ host, port });
    const error = await refused(registerDbServer(world.platform, OPERATOR, asked));
    expect(error.message).toMatch(/behind a pooler in transaction mode \(such as PgBouncer\)/);
  });

  test("refuses a pooler in session mode that operations would not get through, and so does the check", async () => {
    const { platform } = world;
    const admitted = await registerDbServer(platform, OPERATOR, await request());
    for (const [others, why] of [
      [
        "REFUSED",
        /pooler .*\(unsupported startup parameter: \w+\): give the address of PostgreSQL/,
      ],
      ["IGNORED", /must be the server itself: a pooler in between drops the settings/],
    ] as const) {
      await using pooler = await openSessionPooler(server.url, others);
      const { port } = pooler;
      const added = await refused(
        registerDbServer(platform, OPERATOR, await request({ host: "127.0.0.1", port })),
      );
      const moved = { name: admitted.name, port };
      const updated = await refused(updateDbServer(platform, OPERATOR, moved));
      for (const { message } of [added, updated]) expect(message).toMatch(why);
      expect((await checkDbServer(platform, { ...admitted, port })).fault).toMatch(why);
    }
    await forget(admitted);
  });

  test("refuses one that lets its admin in and no role that is made there", async () => {
    const admin = new URL(server.url).username;
    const rewrite = (who: string) =>
      asSuperuser(server.url, (client) =>
        rewriteHba(client, [`host all ${who} all scram-sha-256`]),
      );
    await rewrite(admin);
    const error = await refused(registerDbServer(world.platform, OPERATOR, await request()));
    await rewrite("all");
    expect(error.code).toBe("E_ADMIN_CONN_UNRESOLVED");
    expect(error.message).toMatch(
      /roles that are made on it cannot log in, .*no pg_hba.conf entry/,
    );
    const left = "select 1 from pg_roles where rolname like 'tenantry_probe%'";
    expect(await sql(server.url, left)).toEqual([]);
  });

  test("refuses an admin's URL with a parameter that would not be heeded", async () => {
    const asked = await request({}, `${server.url}?sslmode=prefer`);
    const error = await refused(registerDbServer(world.platform, OPERATOR, asked));
    expect(error.code).toBe("E_ADMIN_CONN_UNRESOLVED");
    expect(error.message).toMatch(/the URL in its secret .* is not valid: its sslmode=prefer/);
  });

  test("holds to this machine in no production, and to the list of hosts where there is one", async () => {
    const { platform } = world;
    const production = { ...platform.config, mode: "production" as const };
    const listed = { ...platform.config, dbServerHosts: ["*.db.internal"] };
    for (const config of [production, listed]) {
      const asked = await request();
      const error = await refused(registerDbServer({ ...platform, config }, OPERATOR, asked));
      expect(error.issues).toMatchObject([{ path: ["host"] }]);
    }
  });
});

describe("a registered db server", () => {
  test("changes what is asked for, and tells which fields", async () => {
    const { platform } = world;
    const { name } = await registerServer(platform, server, { name: freshName("eu-") });
    const change = {
      name,
      capacityHint: 7,
      region: "eu-central",
      labels: [{ key: "tier", value: "gold" }],
    };
    const changed = await updateDbServer(platform, OPERATOR, change);
    expect(changed).toMatchObject({ capacityHint: 7, labels: { tier: "gold" } });
    await setDbServerStatus(platform, OPERATOR, { name, status: "DRAINING", reason: "old disks" });
    await setDbServerStatus(platform, OPERATOR, { name, status: "ACTIVE" });
    await setDbServerStatus(platform, OPERATOR, { name, status: "ACTIVE" });
    const [, facts] = await written();
    const status = { dbServer: name, reason: null };
    expect(facts?.slice(-3)).toEqual([
      ["DB_SERVER_UPDATED", { dbServer: name, changed: ["capacityHint", "labels"] }],
      ["DB_SERVER_STATUS_SET", { ...status, from: "ACTIVE", to: "DRAINING", reason: "old disks" }],
      ["DB_SERVER_STATUS_SET", { ...status, from: "DRAINING", to: "ACTIVE" }],
    ]);
    await forget(changed);
  });

  test("does not move to an address where its tenants are not", async () => {
    const { platform } = world;
    await using other = await startServer();
    const moving = await registerServer(platform, server, { name: freshName("eu-") });
    const slug = await registerTenant(world, "ACTIVE", { dbServerId: moving.id });
    const move = { name: moving.name, port: other.port };
    await platform.secrets.set(moving.adminSecretRef, other.url, { purpose: "db-server" });
    const error = await refused(updateDbServer(platform, OPERATOR, move));
    expect(error.issues).toMatchObject([
      { path: ["host"], message: expect.stringContaining(moving.tenantDatabase) },
    ]);
    await sql(platform.databaseUrl, `delete from platform.tenant where slug = '${slug}'`);
    expect((await updateDbServer(platform, OPERATOR, move)).port).toBe(other.port);
    await forget(moving);
  });

  test.each([
    ["somebody else has changed", "update platform.db_server set host = '127.0.0.9'"],
    ["the first tenant has come to", null],
  ])(
    "stays where it is when %s it while a new way in was tried",
    async (_, change) => {
      const { platform } = world;
      await using other = await startServer();
      const before = await registerServer(platform, server, { name: freshName("eu-") });
      const { name, adminSecretRef } = before;
      // The login is stored between the trial and the registry's row.
      const meanwhile = async () => {
        if (change === null) await registerTenant(world, "ACTIVE", { dbServerId: before.id });
        else await sql(platform.databaseUrl, `${change} where name = '${name}'`);
      };
      const secrets: SecretStore = {
        holder: (secret) => platform.secrets.holder(secret),
        get: (secret) => platform.secrets.get(secret),
        purge: (secret) => platform.secrets.purge(secret),
        restore: async () => null,
        check: () => platform.secrets.check(),
        set: async (secret, value, tags) => {
          if (value.includes(`:${other.port}/`)) await meanwhile();
          return await platform.secrets.set(secret, value, tags);
        },
      };
      const { username: user, password } = new URL(other.url);
      const move = { name, port: other.port };
      const error = await refused(
        updateDbServer({ ...platform, secrets }, OPERATOR, move, { user, password }),
      );
      expect(error.code).toBe("E_UNAVAILABLE");
      const [row] = await sql(
        platform.databaseUrl,
        `select port from platform.db_server where name = '${name}'`,
      );
      expect(row).toEqual([server.port]);
      expect((await platform.secrets.get(adminSecretRef))?.value).toBe(server.url);
      await sql(
        platform.databaseUrl,
        `delete from platform.tenant where db_server_id = '${before.id}'`,
      );
      await forget(before);
    },
    60_000,
  );

  test("is entered before it is active again", async () => {
    const { platform } = world;
    await using other = await startServer();
    const { name, ...away } = await registerServer(platform, other, { name: freshName("eu-") });
    await setDbServerStatus(platform, OPERATOR, { name, status: "INACTIVE" });
    await other.stop();
    const back = () => setDbServerStatus(platform, OPERATOR, { name, status: "ACTIVE" });
    expect((await refused(back())).code).toBe("E_ADMIN_CONN_UNRESOLVED");
    await other.restart();
    expect((await back()).status).toBe("ACTIVE");
    await forget({ name, ...away });
  });
});

describe("the platform's own server", () => {
  test("keeps what operators set when the platform starts again", async () => {
    const { platform } = world;
    await updateDbServer(platform, OPERATOR, { name: "default", capacityHint: 3, region: "here" });
    await setDbServerStatus(platform, OPERATOR, { name: "default", status: "DRAINING" });
    const server = await ensureDefaultServer(platform, platform.databaseUrl);
    expect(server).toMatchObject({ capacityHint: 3, region: "here", status: "DRAINING" });
    await setDbServerStatus(platform, OPERATOR, { name: "default", status: "ACTIVE" });
  });

  test("stands where DATABASE_URL says", async () => {
    const change = { name: "default", host: "db.example.com" };
    const error = await refused(updateDbServer(world.platform, OPERATOR, change));
    expect(error.issues).toMatchObject([{ path: ["host"], message: /DATABASE_URL/ }].map(matching));
  });
});

interface Refused {
  readonly code: string;
  readonly message: string;
  readonly issues: readonly { readonly path: readonly string[]; readonly message: string }[];
}

const refused = (act: Promise<unknown>): Promise<Refused> =>
  act.then(
    () => Promise.reject(new Error("It was not refused")),
    (error: Refused) => error,
  );

/** The same object, with its regular expressions as matchers. */
const matching = <Shape extends object>(shape: Shape): object =>
  Object.fromEntries(
    Object.entries(shape).map(([key, value]) => [
      key,
      value instanceof RegExp ? expect.stringMatching(value) : value,
    ]),
  );
