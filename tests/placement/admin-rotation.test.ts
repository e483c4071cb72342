import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { asSuperuser } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { registerServer, startServer } from "../kit/servers.ts";
import { Life } from "../operations/_life.ts";

const SECRET = "db-server-rotating";

const server = perFile(startServer);
const world = perFile(() => openPlatform({ worker: true }));
const life = new Life(world);
let slug: string;

beforeAll(async () => {
  await asSuperuser(server.url, (client) =>
    client.query("create role keeper superuser login password 'first'"),
  );
  const { host, port } = server;
  await registerServer(world.platform, { host, port, url: urlOf("first") }, { name: "rotating" });
  slug = await life.provisioned({ dbServer: "rotating" });
});
afterEach(() => vi.restoreAllMocks());

/** The admin's login with a password, as the secret holds it. */
function urlOf(password: string): string {
  const url = new URL(server.url);
  return Object.assign(url, { username: "keeper", password }).href;
}

const onServer = (password: string) =>
  asSuperuser(server.url, (client) => client.query(`alter role keeper password '${password}'`));
const inStore = (password: string) =>
  world.platform.secrets.set(SECRET, urlOf(password), { purpose: "db-server" });
const seed = () => life.run("seedTenant", { slug, sets: ["extra"] });

test("a password of the admin that was changed outside is used without a restart", async () => {
  expect(await seed()).toMatchObject({ state: "SUCCEEDED" });
  await onServer("second");
  await inStore("second");
  expect(await seed()).toMatchObject({ state: "SUCCEEDED" });
});

test("one that changes between reading the secret and entering is read again", async () => {
  const { secrets } = world.platform;
  const { get } = secrets;
  let changed = false;
  vi.spyOn(secrets, "get").mockImplementation(async (name, version) => {
    const read = await get.call(secrets, name, version);
    if (name === SECRET && !changed) {
      changed = true;
      await onServer("fourth");
      await inStore("fourth");
    }
    return read;
  });
  // The doctor enters with connections of its own, none of which is open already.
  const health = await tenantHealth(world.platform, { slug });
  expect(changed).toBe(true);
  expect(health).toMatchObject([{ findings: [] }]);
});

test("one that changed on the server alone is told of, until the store has it", async () => {
  await onServer("fifth");
  // Sessions that are open go on, as ever in PostgreSQL: this is for new ones.
  await asSuperuser(server.url, (client) =>
    client.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'keeper'"),
  );
  const refused = await life.run("migrateTenant", { slug });
  expect(refused.error).toMatchObject({
    code: "E_ADMIN_CONN_UNRESOLVED",
    retryable: true,
    message: expect.stringContaining("'rotating' cannot be entered: PostgreSQL refuses the login"),
  });
  await inStore("fifth");
  expect(await seed()).toMatchObject({ state: "SUCCEEDED" });
});
