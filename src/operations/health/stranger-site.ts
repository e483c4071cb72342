import type { EntityManager } from "../../database/orm.ts";
import { DbServerEntity } from "../../placement/db-server.entity.ts";
import { namesOf, rolesOf } from "../../tenants/names.ts";
import { parseSlug } from "../../tenants/slug.ts";
import { databaseOn, type Site } from "../site/site.ts";
import type { Marked } from "./orphans.ts";
import type { HealthPorts } from "./tenant-health.ts";

/** Where a tenant lies that is known by its marks alone: as its things are called. */
export async function siteOfMarked(
  { config }: Pick<HealthPorts, "config">,
  em: EntityManager,
  { serverId, slug, things }: Marked,
): Promise<Site & { readonly isolation: "SCHEMA" | "DATABASE" }> {
  if (slug === null) throw new Error("What has no slug has no place");
  const server = await em.findOneOrFail(DbServerEntity, { id: serverId });
  const { tenantSchemaPrefix: schemaPrefix, secretNameTemplate } = config;
  const derived = namesOf(parseSlug(slug), { schemaPrefix, secretNameTemplate });
  // The prefix may have been another one when it was made.
  const schema = things.find(({ kind }) => kind === "schema")?.name ?? derived.schema;
  const names = { ...derived, schema, ...rolesOf(schema) };
  const isolation = things.some(({ kind }) => kind === "database") ? "DATABASE" : "SCHEMA";
  const database = databaseOn(server, isolation, names);
  return { server, database, names, login: names.appRole, token: null, isolation };
}
