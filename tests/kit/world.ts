import type { Platform } from "../../src/platform.ts";
import { asSuperuser } from "./database.ts";

/** Everything outside the journal and the audit trail that an operation may leave: to compare before and after. */
export interface World {
  readonly schemas: string[];
  readonly roles: string[];
  readonly secrets: string[];
  readonly identities: string[];
  readonly memberships: number;
  readonly invitations: number;
  readonly pendingMail: number;
  readonly placed: string[];
}

const column = async (url: string, sql: string): Promise<string[]> =>
  await asSuperuser(url, async (client) => {
    const { rows } = await client.query<[string]>({ text: sql, rowMode: "array" });
    return rows.map(([value]) => value);
  });

/** Looks at a platform's world; roles are those that the schemas' names lead to. */
export async function worldOf(platform: Platform, stem: string): Promise<World> {
  const url = platform.databaseUrl;
  const tenants = new URL(url);
  tenants.pathname = `${tenants.pathname}_tenants`;
  const like = `'%${stem.replaceAll("-", "_")}%'`;
  const count = async (table: string, where = "true") =>
    Number((await column(url, `select count(*) from platform.${table} where ${where}`))[0]);
  return {
    schemas: await column(
      tenants.href,
      "select nspname from pg_namespace where nspname like 'org\\_%' order by 1",
    ),
    roles: await column(url, `select rolname from pg_roles where rolname like ${like} order by 1`),
    secrets: await column(
      url,
      "select distinct name from platform.secret_version where name like 'tenant-db-%' order by 1",
    ),
    identities: await column(url, "select email from platform.identity order by 1"),
    memberships: await count("membership"),
    invitations: await count("invitation"),
    pendingMail: await count("mail", `state = 'PENDING' and recipient like '${stem}%'`),
    placed: await column(
      url,
      "select slug from platform.tenant where db_server_id is not null order by 1",
    ),
  };
}
