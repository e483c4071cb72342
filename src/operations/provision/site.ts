import { DbServerEntity } from "../../placement/db-server.entity.ts";
import { type NameRules, namesOf } from "../../tenants/names.ts";
import { parseSlug } from "../../tenants/slug.ts";
import type { TenantPorts } from "../parts/tenant-ports.ts";
import { type Site, tokenOf } from "../parts/tenant-site.ts";
import type { ProvisionRun } from "./ports.ts";

/** The place that PLACEMENT_RESOLVED found. */
export async function siteOf(
  ports: Pick<TenantPorts, "orm" | keyof NameRules>,
  run: ProvisionRun,
): Promise<Site> {
  const { dbServerId, database } = run.facts;
  if (dbServerId === undefined || database === undefined)
    throw new Error("The placement is not resolved yet");
  const server = await ports.orm.em.fork().findOneOrFail(DbServerEntity, { id: dbServerId });
  const names = namesOf(parseSlug(run.subjectName), ports);
  return { server, database, names, login: names.appRole, token: tokenOf(run) };
}
