import type { ClientBase } from "pg";
import { z } from "zod";
import { withSessionLock } from "../database/locks.ts";
import type { EntityManager } from "../database/orm.ts";
import { authorize } from "../iam/grants.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { reasonField } from "../kernel/input.ts";
import { row } from "../kernel/labelled.ts";
import { schemaLock } from "../tenant-schemas/apply-migrations.ts";
import { compareLedger, versionOf } from "../tenant-schemas/drift.ts";
import { type KeptRow, keptRow, readLedger, replaceRow } from "../tenant-schemas/ledger.ts";
import { openMigrationFolder } from "../tenant-schemas/migration-folder.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import type { TenantNames } from "../tenants/names.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing } from "./engine/phase.ts";
import { registeredVersion } from "./migrate/version.ts";
import { inTenantDatabase } from "./site/databases.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import type { TenantRun } from "./tenant-run.ts";

const AcceptInput = z
  .strictObject({
    ...namedTenant,
    migration: z.string().min(1).max(255).meta({
      description:
        "Its id, as `E_MIGRATION_DRIFT` names it: `0012_samples`. Of a renamed one either id will do.",
      flag: "--migration <id>",
      help: "the migration that was edited, renamed or taken away",
    }),
    reason: reasonField.meta({
      description: "Why, 1 to 500 characters; kept in the audit trail.",
      flag: "--reason <text>",
      help: "why, for the audit trail",
    }),
  })
  .describe("The tenant, and the migration that the migration folder and its ledger differ in.");
type AcceptInput = z.infer<typeof AcceptInput>;

const LedgerEntry = describedObject(
  "LedgerEntry",
  "What a tenant's ledger says of one migration.",
  {
    migration: z.string().describe("Its id."),
    checksum: z.string().describe("The SHA-256 of its file, hexadecimal."),
  },
);

const AcceptanceResult = describedObject(
  "AcceptanceResult",
  "What came of accepting a migration as its file is.",
  {
    before: LedgerEntry.nullable().describe(
      "What the ledger said before; null where there was nothing to accept.",
    ),
    after: LedgerEntry.nullable().describe(
      "What it says since; null where the migration is gone from the folder.",
    ),
    version: z.string().nullable().describe("The schema's version since; null when there is none."),
  },
);

interface AcceptFacts {
  /** What the ledger said. */
  readonly from: KeptRow;
  /** What it is to say; null where it forgets a file that is gone. */
  readonly to: KeptRow | null;
  readonly version: string | null;
  readonly migrations: number;
}

type AcceptRun = TenantRun<AcceptInput, AcceptFacts>;

/**
 * Lets a migration count as applied as its file is now: the tenant's ledger follows the folder, for a file
 * that was edited, renamed or taken away after it was applied. Nothing of it is run.
 */
export const acceptMigration = defineOperation<AcceptInput, AcceptFacts>(
  {
    kind: "ACCEPT_MIGRATION",
    does: "Lets a migration count as applied to a tenant as its file is now, where it was edited, renamed or taken away.",
    grant: "migration:override",
    appliesFiles: true,
    input: AcceptInput,
    result: AcceptanceResult,
    shows: ({ before, after, version }: Described<typeof AcceptanceResult>) => [
      ...row("ledger before", before && `${before.migration} ${before.checksum}`),
      ...row(
        "ledger now",
        before && (after ? `${after.migration} ${after.checksum}` : "without that migration"),
      ),
      ["version", version ?? "none"],
    ],
    mutation: {
      name: "acceptMigration",
      description:
        "Lets a migration count as applied to a tenant as its file is now, and runs nothing of it: of a file that was edited after it was applied the ledger takes the checksum, of a renamed one (known by its content) the new id, and one that is gone from the folder it forgets. For administrators.",
    },
    command: {
      words: "tenant accept-migration",
      does: "let a migration count as applied as its file is now; nothing of it is run",
      title: "Accepting a migration of",
      example: '--slug acme --migration 0012_samples --reason "a comment was mended"',
    },
  },
  (ports) => ({
    prepare: async (_em, _tenant, { actor }) => authorize(actor, "migration:override"),
    reason: ({ reason }) => reason,
    phases: [
      {
        name: "LEDGER_COMPARED",
        where: "outside",
        ensure: (run) => compare(ports, run),
        undo: nothing("it only looks"),
      },
      {
        name: "LEDGER_CHANGED",
        where: "outside",
        ensure: (run) => change(ports, run),
        undo: (run) => changeBack(ports, run),
      },
      {
        name: "REGISTERED",
        where: "platform",
        ensure: (run, em) => register(run, em),
        undo: nothing("it is the last phase"),
      },
    ],
    result: async (run, em, { state }) => {
      const { from, to } = state === "SUCCEEDED" ? run.facts : {};
      return {
        before: from ? idAndSum(from) : null,
        after: to ? idAndSum(to) : null,
        version: (await registeredVersion(em, run)).version,
      };
    },
  }),
);

const idAndSum = ({ id, sha256 }: KeptRow) => ({ migration: id, checksum: sha256 });

/**
 * What there is to accept of the named migration.
 *
 * @throws DomainError E_NOTHING_TO_ACCEPT with the reason
 */
async function compare(ports: TenantPorts, run: AcceptRun): Promise<Partial<AcceptFacts>> {
  const { migration } = run.input;
  const site = await run.site();
  const { migrations } = await openMigrationFolder(ports.migrations);
  return await inTenantDatabase(ports, site, async (client) => {
    const ledger = await readLedger(client, site.names.schema);
    const { changed, missing, pending } = compareLedger(migrations, ledger);
    const edited = changed.find(({ id }) => id === migration);
    const gone = missing.find(({ id, renamed }) => id === migration || renamed?.id === migration);
    const file = edited ?? gone?.renamed ?? null;
    const old = edited?.id ?? gone?.id;
    const from = old === undefined ? null : await keptRow(client, site.names.schema, old);
    if (from === null) {
      const known = migrations.some(({ id }) => id === migration);
      const why = !known
        ? "is neither in the migration folder nor in the tenant's ledger"
        : pending.some(({ id }) => id === migration)
          ? "was not applied: migrate the tenant, with allowOutOfOrder where it comes too late"
          : "is applied, and its file is as it was";
      throw new DomainError("E_NOTHING_TO_ACCEPT", { message: `'${migration}' ${why}` });
    }
    return { from, to: file && { ...from, id: file.id, sha256: file.sha256 } };
  });
}

async function change(ports: TenantPorts, run: AcceptRun): Promise<Partial<AcceptFacts>> {
  const { from = null, to = null } = run.facts;
  const { migrations } = await openMigrationFolder(ports.migrations);
  return await onLedger(ports, run, async (client, names) => {
    await replaceRow(client, names, { from, to });
    const ledger = await readLedger(client, names.schema);
    return { version: versionOf(ledger, migrations), migrations: ledger.length };
  });
}

async function changeBack(ports: TenantPorts, run: AcceptRun): Promise<void> {
  const { from = null, to = null } = run.facts;
  await onLedger(ports, run, (client, names) => replaceRow(client, names, { from: to, to: from }));
}

/** Works on the tenant's ledger while nobody migrates its schema. */
async function onLedger<T>(
  ports: TenantPorts,
  run: AcceptRun,
  work: (client: ClientBase, names: TenantNames) => Promise<T>,
): Promise<T> {
  const site = await run.site();
  const { names } = site;
  return await inTenantDatabase(ports, site, (client) =>
    withSessionLock(client, schemaLock(names.schema), () => work(client, names)),
  );
}

async function register(run: AcceptRun, em: EntityManager): Promise<undefined> {
  const { from, to = null, version = null, migrations = 0 } = run.facts;
  await run.update(em, { schemaVersion: version, migrationsApplied: migrations });
  if (from === undefined) return;
  const after = to && idAndSum(to);
  const { reason } = run.input;
  run.record(em, "MIGRATION_ACCEPTED", { reason, before: idAndSum(from), after });
}
