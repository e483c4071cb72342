import type { SeededAdmin } from "../../invitations/first-admin.ts";
import type { Format } from "../../migration-folders/migration-source.ts";
import { DbServerEntity } from "../../placement/db-server.entity.ts";
import { namesOf } from "../../tenants/names.ts";
import { parseSlug } from "../../tenants/slug.ts";
import type { Run } from "../engine/phase.ts";
import type { FilePlace } from "../migration-check/check-migrations.ts";
import { type Site, tokenOf } from "../site/site.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import { type TenantRun, tenantRun } from "../tenant-run.ts";
import type { ProvisionInput } from "./input.ts";

/** What the phases of provisioning find out for those after them and for the result. */
export interface ProvisionFacts {
  readonly dbServerId: string;
  readonly dbServer: string;
  readonly database: string;
  readonly migrations: readonly string[];
  readonly migrationFormat: Format;
  /** Statements of the files that are not carried out: the first of them, and how many there are. */
  readonly passedOver: readonly FilePlace[];
  readonly passedOverCount: number;
  readonly seedSets: readonly string[];
  /** Identifies migrations and seeds: a part of a plan's hash. */
  readonly files: string;
  readonly migrationsApplied: number;
  readonly schemaVersion: string | null;
  readonly seedRows: readonly { readonly set: string; readonly rows: number }[];
  readonly tables: number;
  readonly roleLogin: boolean;
  readonly credential: SeededAdmin["credential"];
}

/** The run of a provisioning: its site is the place that PLACEMENT_RESOLVED found. */
export type ProvisionRun = TenantRun<ProvisionInput, ProvisionFacts, Site>;

/** As `tenantRun`, for the functions of a provisioning. */
export const provisionRun = (
  ports: TenantPorts,
  run: Run<ProvisionInput, ProvisionFacts>,
): ProvisionRun => ({
  ...tenantRun(ports, run),
  site: async () => {
    const { dbServerId, database } = run.facts;
    if (dbServerId === undefined || database === undefined)
      throw new Error("The placement is not resolved yet");
    const server = await ports.orm.em.fork().findOneOrFail(DbServerEntity, { id: dbServerId });
    const names = namesOf(parseSlug(run.subjectName), ports);
    return { server, database, names, login: names.appRole, token: tokenOf(run) };
  },
});
