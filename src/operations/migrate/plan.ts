import { isDomainError } from "../../kernel/domain-error.ts";
import { fieldFault } from "../../kernel/input.ts";
import { pendingOf, versionOf } from "../../tenant-schemas/drift.ts";
import { readLedger } from "../../tenant-schemas/ledger.ts";
import { openMigrationFolder } from "../../tenant-schemas/migration-folder.ts";
import { inTenantDatabase } from "../site/databases.ts";
import type { TenantSite } from "../site/site.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import type { TenantRun } from "../tenant-run.ts";
import { keepVersion } from "./version.ts";

type PlanRun = TenantRun<
  { readonly to: string | null; readonly allowOutOfOrder: readonly string[] },
  unknown
>;

/** What is to be applied, and what a tenant has now. */
export interface Plan {
  readonly pending: readonly string[];
  readonly version: string | null;
  /** How many are applied. */
  readonly migrations: number;
}

/**
 * Compares the migration folder with the tenant's ledger, and brings the registry's version to that of the
 * ledger; a dry run leaves it.
 *
 * @throws DomainError E_VALIDATION for a migration that is not in the folder
 */
export async function planMigrations(ports: TenantPorts, run: PlanRun): Promise<Plan> {
  const { to, allowOutOfOrder: outOfOrder } = run.input;
  const { migrations } = await openMigrationFolder(ports.migrations);
  const known = new Set(migrations.map(({ id }) => id));
  if (to !== null && !known.has(to)) throw fieldFault("to", `there is no migration '${to}'`);
  const unknown = outOfOrder.find((id) => !known.has(id));
  if (unknown !== undefined)
    throw fieldFault("allowOutOfOrder", `there is no migration '${unknown}'`);
  const ledger = await ledgerOf(ports, run);
  if (!run.dryRun) await run.note((em) => keepVersion(run, em, ledger, migrations));
  const end = to === null ? migrations.length : migrations.findIndex(({ id }) => id === to) + 1;
  const wanted = new Set(migrations.slice(0, end));
  const pending = pendingOf({ migrations }, ledger, outOfOrder).filter((file) => wanted.has(file));
  return {
    pending: pending.map(({ id }) => id),
    version: versionOf(ledger, migrations),
    migrations: ledger.length,
  };
}

/**
 * What was applied so far; nothing where the tenant's own database is missing, and for a tenant that
 * a dry run finds placed nowhere.
 */
async function ledgerOf(ports: TenantPorts, run: PlanRun) {
  try {
    return await readLedgerAt(ports, await run.site());
  } catch (error) {
    if (isDomainError(error, "E_TENANT_NOT_READY")) return [];
    if (run.dryRun && isDomainError(error, "E_DB_SERVER_NOT_FOUND")) return [];
    throw error;
  }
}

const readLedgerAt = (ports: TenantPorts, site: TenantSite) =>
  inTenantDatabase(ports, site, (client) => readLedger(client, site.names.schema));
