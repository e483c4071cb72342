import type { Organization } from "../../laboratories/add-laboratory.ts";
import type { SnapshotTargetName } from "../../snapshots/targets.ts";
import type { Check } from "../../tenant-schemas/verify-tenant-schema.ts";
import { builder } from "../builder.ts";
import { describedEnum } from "../described-enum.ts";
import { readableBy } from "./secret-names.ts";

const CheckName = describedEnum<Check["name"]>(
  "ReadinessCheckName",
  "What is checked before a tenant counts as ready.",
  {
    SCHEMA: "The schema is there, and is the tenant's.",
    OWNERSHIP: "Everything in the schema belongs to the tenant's owner role.",
    MIGRATIONS: "By its ledger every migration of the folder is applied, and unchanged since.",
    TABLES: "The schema has any tables; which and how is not compared.",
    ROLE_LOGIN: "The application's role logs in with the stored secret.",
    SEEDS: "The tenant's seed sets are in the schema's own list of seeds.",
    ORGANIZATION:
      "The tenant's organization is there; not checked in a schema that has no such table.",
  },
);

const ReadinessCheck = builder.objectRef<Check>("ReadinessCheck").implement({
  description: "One answer to the question whether a tenant is ready.",
  fields: (t) => ({
    name: t.expose("name", { type: CheckName, description: "What was checked." }),
    passed: t.exposeBoolean("passed", { description: "Whether the check was passed." }),
    message: t.string({
      description: "What was found, for people.",
      resolve: ({ message }, _args, context) => readableBy(context, message),
    }),
  }),
});

/** What migrating keeps as its result. */
interface MigrationResult {
  readonly version: string | null;
  readonly applied?: readonly string[];
  /** In a dry run instead of `applied`. */
  readonly pending?: readonly string[];
  readonly activated: boolean;
  readonly checks: readonly Check[];
}

const MigrationResultRef = builder.objectRef<MigrationResult>("MigrationResult").implement({
  description: "What came of migrating a tenant, or what a dry run of it found.",
  fields: (t) => ({
    version: t.exposeString("version", {
      nullable: true,
      description: "The last migration applied to the schema; null when there is none.",
    }),
    applied: t.stringList({
      description: "The migrations that were applied, in order; empty for a dry run.",
      resolve: ({ applied }) => [...(applied ?? [])],
    }),
    pending: t.stringList({
      description: "The migrations that a dry run would have applied, in order.",
      resolve: ({ pending }) => [...(pending ?? [])],
    }),
    activated: t.exposeBoolean("activated", {
      description: "Whether a tenant that was not ACTIVE became so, since every check passed.",
    }),
    checks: t.field({
      type: [ReadinessCheck],
      description: "The readiness checks as they came out; empty for a dry run.",
      resolve: ({ checks }) => [...checks],
    }),
  }),
});

interface LedgerEntry {
  readonly migration: string;
  readonly checksum: string;
}

const LedgerEntryRef = builder.objectRef<LedgerEntry>("LedgerEntry").implement({
  description: "What a tenant's ledger says of one migration.",
  fields: (t) => ({
    migration: t.exposeString("migration", { description: "Its id." }),
    checksum: t.exposeString("checksum", { description: "The SHA-256 of its file, hexadecimal." }),
  }),
});

/** What accepting a migration keeps as its result. */
interface AcceptanceResult {
  readonly before: LedgerEntry | null;
  readonly after: LedgerEntry | null;
  readonly version: string | null;
}

const AcceptanceResultRef = builder.objectRef<AcceptanceResult>("AcceptanceResult").implement({
  description: "What came of accepting a migration as its file is.",
  fields: (t) => ({
    before: t.expose("before", {
      type: LedgerEntryRef,
      nullable: true,
      description: "What the ledger said before; null where there was nothing to accept.",
    }),
    after: t.expose("after", {
      type: LedgerEntryRef,
      nullable: true,
      description: "What it says since; null where the migration is gone from the folder.",
    }),
    version: t.exposeString("version", {
      nullable: true,
      description: "The schema's version since; null when there is none.",
    }),
  }),
});

/** What activating keeps as its result. */
interface ActivationResult {
  readonly version: string | null;
  readonly checks: readonly Check[];
}

const ActivationResultRef = builder.objectRef<ActivationResult>("ActivationResult").implement({
  description: "What came of activating a tenant; of one that was not ready, too.",
  fields: (t) => ({
    version: t.exposeString("version", {
      nullable: true,
      description: "The last migration applied to the schema; null when there is none.",
    }),
    checks: t.field({
      type: [ReadinessCheck],
      description: "The readiness checks as they came out.",
      resolve: ({ checks }) => [...checks],
    }),
  }),
});

/** What adding a laboratory keeps as its result. */
interface LaboratoryResult {
  readonly laboratory: { readonly id: string; readonly name: string } | null;
  readonly organization: Organization | null;
}

const LaboratoryResultRef = builder.objectRef<LaboratoryResult>("LaboratoryResult").implement({
  description: "What came of adding a laboratory.",
  fields: (t) => ({
    laboratoryId: t.id({
      nullable: true,
      description: "The laboratory's id in the tenant's schema; null where it was not added.",
      resolve: ({ laboratory }) => laboratory?.id ?? null,
    }),
    laboratoryName: t.string({
      nullable: true,
      description: "The laboratory's name; null where it was not added.",
      resolve: ({ laboratory }) => laboratory?.name ?? null,
    }),
    organizationName: t.string({
      nullable: true,
      description: "The name of the organization that it belongs to; null when none was found.",
      resolve: ({ organization }) => organization?.name ?? null,
    }),
    setupName: t.string({
      nullable: true,
      description: "The setup name of that organization; null when none was found.",
      resolve: ({ organization }) => organization?.setupName ?? null,
    }),
  }),
});

interface SeededTable {
  readonly table: string;
  readonly rows: number;
}

interface SeededSet {
  readonly set: string;
  readonly rowsAdded: number;
  readonly tables: readonly SeededTable[];
}

const SeededTableRef = builder.objectRef<SeededTable>("SeededTable").implement({
  description: "How many rows a seed set added to one table.",
  fields: (t) => ({
    table: t.exposeString("table", { description: "The table's name." }),
    rows: t.exposeInt("rows", { description: "How many rows it added." }),
  }),
});

const SeededSetRef = builder.objectRef<SeededSet>("SeededSet").implement({
  description: "What one seed set added; rows that were there already are not counted.",
  fields: (t) => ({
    set: t.exposeString("set", { description: "The seed set's name." }),
    rowsAdded: t.exposeInt("rowsAdded", { description: "How many rows it added in all." }),
    tables: t.field({
      type: [SeededTableRef],
      description: "The same, table by table.",
      resolve: ({ tables }) => [...tables],
    }),
  }),
});

const SeedResultRef = builder
  .objectRef<{ readonly sets: readonly SeededSet[] }>("SeedResult")
  .implement({
    description: "What came of seeding a tenant.",
    fields: (t) => ({
      sets: t.field({
        type: [SeededSetRef],
        description: "The sets that were asked for, each after those that it depends on.",
        resolve: ({ sets }) => [...sets],
      }),
    }),
  });

export const SnapshotTargetRef = describedEnum<SnapshotTargetName>(
  "SnapshotTarget",
  "Whose metadata snapshots are taken.",
  {
    PATIENT: "Of patients.",
    ANALYSIS_REQUEST: "Of analysis requests.",
    SAMPLE: "Of samples.",
    ANALYSIS_RESULT: "Of the results of analyses.",
  },
);

interface RefreshedTarget {
  readonly target: SnapshotTargetName;
  readonly total: number | null;
  readonly rows: number;
  readonly skipped: string | null;
}

const RefreshedTargetRef = builder.objectRef<RefreshedTarget>("RefreshedTarget").implement({
  description: "What came of refreshing one target's snapshots.",
  fields: (t) => ({
    target: t.expose("target", { type: SnapshotTargetRef, description: "Which target." }),
    total: t.exposeInt("total", {
      nullable: true,
      description: "How many rows there were to look at; null where they were not counted.",
    }),
    rows: t.exposeInt("rows", { description: "How many rows have a new snapshot." }),
    skipped: t.exposeString("skipped", {
      nullable: true,
      description: "Why the target was left out; null where it was not.",
    }),
  }),
});

/** What refreshing snapshots keeps as its result. */
interface SnapshotResult {
  readonly hard: boolean;
  readonly targets: readonly RefreshedTarget[];
}

const SnapshotResultRef = builder.objectRef<SnapshotResult>("SnapshotResult").implement({
  description: "What came of refreshing a tenant's snapshots.",
  fields: (t) => ({
    hard: t.exposeBoolean("hard", {
      description: "Whether every row was refreshed, instead of those of received samples.",
    }),
    targets: t.field({
      type: [RefreshedTargetRef],
      description: "The targets that were asked for.",
      resolve: ({ targets }) => [...targets],
    }),
  }),
});

/** The types that tell of tenants in use, by the operation's kind. */
export const TENANT_RESULTS = {
  MIGRATE: MigrationResultRef,
  ACCEPT_MIGRATION: AcceptanceResultRef,
  ACTIVATE: ActivationResultRef,
  ADD_LABORATORY: LaboratoryResultRef,
  SEED: SeedResultRef,
  REFRESH_SNAPSHOTS: SnapshotResultRef,
};
