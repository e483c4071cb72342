import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { scramVerifier } from "../../src/database/sql.ts";
import { newId, newSecret } from "../../src/kernel/ids.ts";
import { createTenantSchema } from "../../src/tenant-schemas/create-tenant-schema.ts";
import { dropTenantSchema } from "../../src/tenant-schemas/drop-tenant-schema.ts";
import {
  groupRoleOf,
  ownersRoleOf,
  prepareTenantDatabase,
} from "../../src/tenant-schemas/tenant-database.ts";
import type { TenantLimits } from "../../src/tenants/limits.ts";
import { type NameRules, namesOf } from "../../src/tenants/names.ts";
import { parseSlug } from "../../src/tenants/slug.ts";
import { asSuperuser, createDatabase, urlOf } from "./database.ts";

export type Tenant = ReturnType<typeof newTenant>;

/** The rules that names have by default. */
export const NAME_RULES: NameRules = {
  schemaPrefix: "org_",
  secretNameTemplate: "tenant-db-{slug}",
};

/** What a tenant's logins may take where a test is about something else. */
export const LIMITS: TenantLimits = {
  connectionLimit: 20,
  statementTimeoutSeconds: 300,
  idleInTransactionTimeoutSeconds: 60,
};

/** A tenant that nobody else has: roles belong to the whole server. */
function newTenant() {
  const slug = parseSlug(`t${randomBytes(6).toString("hex")}`);
  return { names: namesOf(slug, NAME_RULES), tenantId: newId(), password: newSecret() };
}

/** A prepared tenant database, with folders and connections on demand. */
export async function openTenantDatabase() {
  const own = await createDatabase("empty");
  const client = new pg.Client({ connectionString: own.url });
  client.on("error", () => undefined);
  await client.connect();
  const database = { ...own, client };
  await prepareTenantDatabase(database.client);
  const root = await mkdtemp(join(tmpdir(), "tenantry-test-"));
  const opened: pg.Client[] = [];
  const tenants: Tenant[] = [];
  const connect = async (
    user = database.user,
    password = database.password,
    name = database.database,
  ) => {
    const { host, port } = database;
    const client = new pg.Client({ host, port, database: name, user, password });
    client.on("error", () => undefined);
    await client.connect();
    opened.push(client);
    return client;
  };
  return {
    ...database,
    connect,
    /** Connects as the tenant's app role, to its database unless told. */
    login: (tenant: Tenant, name?: string) => connect(tenant.names.appRole, tenant.password, name),
    /** Writes files, by their path, into a new folder. */
    async folder(files: Record<string, string>): Promise<string> {
      const dir = await mkdtemp(join(root, "folder-"));
      await write(dir, files);
      return dir;
    },
    write,
    tenant() {
      const tenant = newTenant();
      tenants.push(tenant);
      return tenant;
    },
    async create(tenant: Tenant, client = database.client) {
      return await createTenantSchema(client, {
        ...tenant,
        appPasswordVerifier: scramVerifier(tenant.password),
        connectDatabase: database.database,
        limits: LIMITS,
      });
    },
    drop: (tenant: Pick<Tenant, "names" | "tenantId">, client = database.client) =>
      dropTenantSchema(client, tenant, (name, work) => asSuperuser(urlOf(own.url, name), work)),
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((client) => client.end().catch(() => undefined)));
      for (const { names } of tenants)
        await dropRoles(database.client, [names.ownerRole, names.appRole]);
      const groups = [groupRoleOf(database.database), ownersRoleOf(database.database)];
      await dropRoles(database.client, groups);
      await rm(root, { recursive: true });
      await client.end();
      await own.drop();
    },
  };
}

async function write(dir: string, files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), content);
  }
}

async function dropRoles(client: pg.Client, roles: string[]): Promise<void> {
  for (const role of roles) {
    const { rowCount } = await client.query("select 1 from pg_roles where rolname = $1", [role]);
    const name = pg.escapeIdentifier(role);
    if (rowCount === 1) await client.query(`drop owned by ${name} cascade; drop role ${name}`);
  }
}
