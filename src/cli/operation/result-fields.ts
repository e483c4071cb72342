import { z } from "zod";
import type { ShownOperation } from "../backend.ts";
import { CREDENTIAL_TELLERS } from "../tenant/credential-fields.ts";
import { REMOVAL_TELLERS } from "../tenant/removal-fields.ts";
import { by, type Fields, listed, row, type Teller } from "../terminal/teller.ts";

const Summary = z.object({
  tenantId: z.string(),
  dbServer: z.string(),
  database: z.string(),
  schema: z.string(),
  tables: z.number(),
  migrationsApplied: z.number(),
  schemaVersion: z.string().nullable(),
  seedRows: z.array(z.object({ set: z.string(), rows: z.number() })),
  roleLogin: z.boolean(),
});
type Summary = z.infer<typeof Summary>;

const Plan = z.object({
  dbServer: z.string(),
  isolation: z.string(),
  database: z.string(),
  schema: z.string(),
  ownerRole: z.string(),
  appRole: z.string(),
  /** Null for whoever may not read the names of secrets. */
  secretName: z.string().nullable(),
  migrations: z.array(z.string()),
  /** These are missing in plans of earlier versions. */
  migrationFormat: z.string().nullable().default(null),
  passedOver: z
    .array(z.object({ file: z.string(), line: z.number(), statement: z.string(), why: z.string() }))
    .default([]),
  passedOverCount: z.number().default(0),
  seedSets: z.array(z.string()),
});
type Plan = z.infer<typeof Plan>;

const Check = z.object({ name: z.string(), passed: z.boolean(), message: z.string() });
const Checked = z.object({ version: z.string().nullable(), checks: z.array(Check) });
const Migration = Checked.extend({
  applied: z.array(z.string()).optional(),
  pending: z.array(z.string()).optional(),
  activated: z.boolean(),
});

const LedgerEntry = z.object({ migration: z.string(), checksum: z.string() }).nullable();
const Acceptance = z.object({
  before: LedgerEntry,
  after: LedgerEntry,
  version: z.string().nullable(),
});

const Laboratory = z.object({
  laboratoryId: z.string().nullable(),
  laboratoryName: z.string().nullable(),
  organizationName: z.string().nullable(),
  setupName: z.string().nullable(),
});
const Seeded = z.object({
  sets: z.array(
    z.object({
      set: z.string(),
      rowsAdded: z.number(),
      tables: z.array(z.object({ table: z.string(), rows: z.number() })),
    }),
  ),
});
const Snapshots = z.object({
  targets: z.array(
    z.object({
      target: z.string(),
      total: z.number().nullable(),
      rows: z.number(),
      skipped: z.string().nullable(),
    }),
  ),
});

/** How the result of each kind of operation is told; of the others there is nothing to tell. */
const TELLERS: Readonly<Record<string, Teller>> = {
  PROVISION: by(z.object({ summary: Summary.optional(), plan: Plan.optional() }), (result) => [
    ...(result.summary ? summaryFields(result.summary) : []),
    ...(result.plan ? planFields(result.plan) : []),
  ]),
  MIGRATE: by(Migration, ({ version, applied, pending, activated, checks }) => [
    ["version", version ?? "none"],
    ...row("applied", applied && listed(applied)),
    ...row("pending", pending && listed(pending)),
    ...row("status", activated && "ACTIVE now"),
    ...checkFields(checks),
  ]),
  ACCEPT_MIGRATION: by(Acceptance, ({ before, after, version }) => [
    ...row("ledger before", before && `${before.migration} ${before.checksum}`),
    ...row(
      "ledger now",
      before && (after ? `${after.migration} ${after.checksum}` : "without that migration"),
    ),
    ["version", version ?? "none"],
  ]),
  ACTIVATE: by(Checked, ({ version, checks }) => [
    ["version", version ?? "none"],
    ...checkFields(checks),
  ]),
  ADD_LABORATORY: by(Laboratory, (result) => [
    ...row(
      "laboratory",
      result.laboratoryId && `${result.laboratoryName} (${result.laboratoryId})`,
    ),
    ...row(
      "organization",
      result.organizationName && `${result.organizationName} (${result.setupName})`,
    ),
  ]),
  SEED: by(Seeded, ({ sets }) =>
    sets.map(({ set, rowsAdded, tables }) => [
      set,
      rowsAdded === 0
        ? "nothing was absent"
        : `${rowsAdded} rows added: ${tables
            .filter(({ rows }) => rows > 0)
            .map(({ table, rows }) => `${table} ${rows}`)
            .join(", ")}`,
    ]),
  ),
  REFRESH_SNAPSHOTS: by(Snapshots, ({ targets }) =>
    targets.map(({ target, rows, total, skipped }) => [
      target,
      skipped === null ? `${rows} of ${total ?? "?"} rows` : `left out: ${skipped}`,
    ]),
  ),
  ...CREDENTIAL_TELLERS,
  ...REMOVAL_TELLERS,
};

/** What came of an ended operation, in words; of one that failed, as far as it is known. */
export function resultFields({ kind, result }: ShownOperation): Fields {
  return result === null ? [] : (TELLERS[kind]?.(result) ?? []);
}

const checkFields = (checks: readonly z.infer<typeof Check>[]): Fields =>
  checks.map(({ name, passed, message }) => [`${passed ? "✔" : "✘"} ${name}`, message]);

/** What a provisioned tenant consists of, in words. */
export function summaryFields(summary: Summary): Fields {
  const seeds = summary.seedRows.map(({ set, rows }) => `${set} ${rows} rows`);
  return [
    ["tenant id", summary.tenantId],
    ["placed on", `${summary.dbServer}, database ${summary.database}, schema ${summary.schema}`],
    ["tables", String(summary.tables)],
    [
      "migrations",
      `${summary.migrationsApplied} applied, up to ${summary.schemaVersion ?? "none"}`,
    ],
    ["seeds", seeds.join(", ") || "none"],
    ["role login", summary.roleLogin ? "works" : "does not work"],
  ];
}

/** The first few, each with its place: `tenantry migration check` has all. */
const passedOverFields = ({ passedOver, passedOverCount: count }: Plan): Fields => {
  const shown = passedOver.slice(0, 5);
  const more =
    count > shown.length ? [["", `… and ${count - shown.length} more`] as [string, string]] : [];
  return [
    ...shown.map(({ file, line, statement }, index): [string, string] => [
      index === 0 ? "passed over" : "",
      `${file} line ${line}: ${statement}`,
    ]),
    ...more,
  ];
};

const planFields = (plan: Plan): Fields => [
  ["placed on", `${plan.dbServer}, isolation ${plan.isolation}`],
  ["database", plan.database],
  ["schema", plan.schema],
  ["roles", `${plan.ownerRole} (owner, no login), ${plan.appRole} (application)`],
  ...row("secret", plan.secretName),
  [
    "migrations",
    plan.migrations.length === 0
      ? "none"
      : `${plan.migrations.length}, ${plan.migrations.at(0)} to ${plan.migrations.at(-1)}`,
  ],
  ...row("layout", plan.migrationFormat?.toLowerCase().replaceAll("_", "-")),
  ...passedOverFields(plan),
  ["seeds", plan.seedSets.join(", ") || "none"],
];
