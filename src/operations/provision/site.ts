import type { Orm } from "../../database/orm.ts";
import { type DbServer, DbServerEntity } from "../../placement/db-server.entity.ts";
import { namesOf, type TenantNames } from "../../tenants/names.ts";
import { parseSlug } from "../../tenants/slug.ts";
import type { ProvisionRun } from "./ports.ts";

/** Where a tenant is being built. */
export interface TenantSite {
  readonly server: DbServer;
  readonly database: string;
  readonly names: TenantNames;
}

/** The place that PLACEMENT_RESOLVED found. */
export async function siteOf(
  orm: Orm,
  run: ProvisionRun,
  schemaPrefix: string,
): Promise<TenantSite> {
  const { dbServerId, database } = run.facts;
  if (dbServerId === undefined || database === undefined)
    throw new Error("The placement is not resolved yet");
  const server = await orm.em.fork().findOneOrFail(DbServerEntity, { id: dbServerId });
  return { server, database, names: namesOf(parseSlug(run.subjectName), schemaPrefix) };
}
