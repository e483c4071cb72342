import { withSessionLock } from "../../database/locks.ts";
import type { EntityManager } from "../../database/orm.ts";
import { applyMigrations, schemaLock } from "../../tenant-schemas/apply-migrations.ts";
import { pendingOf } from "../../tenant-schemas/drift.ts";
import { type LedgerRow, readLedger } from "../../tenant-schemas/ledger.ts";
import { openMigrationFolder } from "../../tenant-schemas/migration-folder.ts";
import { isUnused } from "../../tenant-schemas/own-schemas.ts";
import { OperationPhaseEntity } from "../engine/operation.entity.ts";
import { type Skipped, skipped } from "../engine/phase.ts";
import { approvedFor, inTenantDatabase } from "../site/databases.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import type { TenantRun } from "../tenant-run.ts";
import { keepVersion } from "./version.ts";

export const APPLIED = "MIGRATIONS_APPLIED";

type ApplyRun = TenantRun<
  { readonly allowOutOfOrder: readonly string[] },
  { readonly pending: readonly string[] }
>;

/**
 * Applies the planned files, a transaction and an event for each; all in one where nobody uses the schema
 * yet. The registry's version and the phase's progress follow the tenant's ledger, also when a file fails
 * and over attempts: what the phase has completed is what this operation has committed.
 */
export async function applyPlanned(
  ports: TenantPorts,
  run: ApplyRun,
): Promise<Skipped | undefined> {
  const { pending: planned = [] } = run.facts;
  if (planned.length === 0) return skipped("no migration is pending");
  const site = await run.site();
  const { names } = site;
  const { allowOutOfOrder: outOfOrder } = run.input;
  const folder = await openMigrationFolder(ports.migrations);
  const approvedExtensions = await approvedFor(ports, site);
  const keep = (ledger: readonly Pick<LedgerRow, "id">[]) => (em: EntityManager) =>
    keepVersion(run, em, ledger, folder.migrations);
  /** Brings registry and progress to what the ledger holds; answers how many of the planned files that are. */
  const follow = async (ledger: readonly LedgerRow[]): Promise<number> => {
    const pending = new Set(pendingOf(folder, ledger, outOfOrder).map(({ id }) => id));
    const done = planned.filter((id) => !pending.has(id));
    await run.progress(done.length, planned.length, done.at(-1), keep(ledger));
    return done.length;
  };
  try {
    await inTenantDatabase(ports, site, async (client) => {
      const unused = await isUnused(client, names);
      let done = 0;
      let at = 0;
      const rows: { readonly id: string }[] = [];
      await applyMigrations(client, {
        names,
        folder,
        approvedExtensions,
        outOfOrder,
        only: new Set(planned),
        mode: unused ? "one-transaction" : "transaction-per-file",
        limits: { longestTimeoutMs: ports.migrations.longestTimeoutMs },
        onBegin: async (ledger) => {
          rows.push(...ledger);
          done = await follow(ledger);
          at = done;
        },
        onWait: (message) => run.progress(at, planned.length, message),
        onFileApplied: async (file, index) => {
          // Files that share a transaction are reported before it is committed.
          if (unused) return;
          rows.push(file);
          at = done + index + 1;
          await run.progress(at, planned.length, file.id, keep(rows));
        },
      });
      if (unused) await follow(await readLedger(client, names.schema));
    });
  } catch (error) {
    // A commit whose answer was lost counts. Where the server is away, what was seen before stands.
    await inTenantDatabase(ports, site, (client) =>
      withSessionLock(client, schemaLock(names.schema), () => readLedger(client, names.schema)),
    )
      .then(follow)
      .catch(() => undefined);
    throw error;
  }
}

/** Which of the planned files an operation has applied, over all its attempts and all who owned it. */
export async function appliedBy(
  em: EntityManager,
  { operationId, facts }: Pick<ApplyRun, "operationId" | "facts">,
): Promise<readonly string[]> {
  const phase = await em.findOne(OperationPhaseEntity, { operationId, name: APPLIED });
  return (facts.pending ?? []).slice(0, phase?.completed ?? 0);
}
