import type { Orm } from "../../database/orm.ts";
import { DbServerEntity } from "../../placement/db-server.entity.ts";
import { namesOf } from "../../tenants/names.ts";
import { parseSlug } from "../../tenants/slug.ts";
import type { Site } from "../tenant-site.ts";
import type { ProvisionRun } from "./ports.ts";

/** The place that PLACEMENT_RESOLVED found. */
export async function siteOf(orm: Orm, run: ProvisionRun, schemaPrefix: string): Promise<Site> {
  const { dbServerId, database } = run.facts;
  if (dbServerId === undefined || database === undefined)
    throw new Error("The placement is not resolved yet");
  const server = await orm.em.fork().findOneOrFail(DbServerEntity, { id: dbServerId });
  return { server, database, names: namesOf(parseSlug(run.subjectName), schemaPrefix) };
}
