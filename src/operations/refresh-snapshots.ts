import { z } from "zod";
import { type Described, describedObject } from "../kernel/described.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { countRows, refreshRows, refusalOf, timeOf, WORK_MEM } from "../snapshots/refresh.ts";
import {
  ANALYSIS_REQUEST,
  ANALYSIS_RESULT,
  PATIENT,
  SAMPLE,
  SNAPSHOT_TARGETS,
  type SnapshotTarget,
  SnapshotTargetName,
} from "../snapshots/targets.ts";
import { type Ask, lookAsOwner, transactAsOwner } from "../tenant-schemas/as-owner.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing, type Skipped, skipped } from "./engine/phase.ts";
import { inTenantDatabase } from "./site/databases.ts";
import type { TenantSite } from "./site/site.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import type { TenantPhase, TenantRun } from "./tenant-run.ts";

const RefreshInput = z
  .strictObject({
    ...namedTenant,
    targets: z
      .array(SnapshotTargetName)
      .min(1)
      .max(SNAPSHOT_TARGETS.length)
      .optional()
      .transform((targets) => targets ?? [...SNAPSHOT_TARGETS])
      .describe("Whose snapshots; all when left out."),
    hard: z
      .boolean()
      .default(false)
      .describe(
        "Whether to take every snapshot, also of records that were finished long ago; needs `confirm`.",
      ),
    confirm: z.boolean().default(false).describe("Says that `hard` is really wanted."),
  })
  .describe("Which snapshots to take again.");
export type RefreshInput = z.infer<typeof RefreshInput>;

const RefreshedTarget = describedObject(
  "RefreshedTarget",
  "What came of refreshing one target's snapshots.",
  {
    target: SnapshotTargetName.describe("Which target."),
    total: z
      .int()
      .nullable()
      .describe("How many rows there were to look at; null where they were not counted."),
    rows: z.int().describe("How many rows have a new snapshot."),
    skipped: z.string().nullable().describe("Why the target was left out; null where it was not."),
  },
);

const SnapshotResult = describedObject(
  "SnapshotResult",
  "What came of refreshing a tenant's snapshots.",
  {
    hard: z
      .boolean()
      .describe("Whether every row was refreshed, instead of those of received samples."),
    targets: z.array(RefreshedTarget).describe("The targets that were asked for."),
  },
);

type ByTarget<T> = Readonly<Partial<Record<SnapshotTargetName, T>>>;

interface RefreshFacts {
  /** The tenant server's time when the refresh began. */
  readonly since: string;
  readonly totals: ByTarget<number>;
  /** Why targets that were asked for are left out. */
  readonly refusals: ByTarget<string>;
  readonly rows: ByTarget<number>;
}

type RefreshRun = TenantRun<RefreshInput, RefreshFacts>;

/** Rows of one transaction: some tenths of a second, in which their writers have to wait. */
const BATCH_SIZE = 5_000;

const PHASES: readonly (readonly [string, SnapshotTarget])[] = [
  ["PATIENTS", PATIENT],
  ["ANALYSIS_REQUESTS", ANALYSIS_REQUEST],
  ["SAMPLES", SAMPLE],
  ["ANALYSES", ANALYSIS_RESULT],
];

/** Takes the metadata snapshots of a tenant's records again. */
export const refreshSnapshotsBy = (batchSize: number) =>
  defineOperation<RefreshInput, RefreshFacts>(
    {
      kind: "REFRESH_SNAPSHOTS",
      does: "Takes the metadata snapshots of a tenant's records again.",
      grant: "tenant:operate",
      input: RefreshInput,
      result: SnapshotResult,
      shows: ({ targets }: Described<typeof SnapshotResult>) =>
        targets.map(({ target, rows, total, skipped }) => [
          target,
          skipped === null ? `${rows} of ${total ?? "?"} rows` : `left out: ${skipped}`,
        ]),
      mutation: {
        name: "refreshSnapshots",
        description:
          "Takes the metadata snapshots of a tenant's records again, in bounded batches: those of samples in state RECEIVED, or with `hard` all of them.",
      },
      command: {
        words: "snapshot",
        does: "take a tenant's metadata snapshots again",
        title: "Refreshing the snapshots of",
        example: "refresh-all --tenant-slug acme",
        slugFlag: "--tenant-slug <slug>",
        choice: {
          syntax: "<what>",
          help: "whose snapshots; but for hard-refresh, of samples in state RECEIVED only",
          inputs: {
            patients: { targets: ["PATIENT"] },
            "analysis-requests": { targets: ["ANALYSIS_REQUEST"] },
            samples: { targets: ["SAMPLE"] },
            analyses: { targets: ["ANALYSIS_RESULT"] },
            "refresh-all": {},
            "hard-refresh": { hard: true, confirm: true },
          },
        },
        asks: {
          hard: "Take every snapshot of tenant '{slug}' again, also of records that were finished long ago?",
        },
        yes: "do it without being asked; hard-refresh needs it where there is no terminal",
      },
    },
    (ports) => ({
      prepare: async (_em, { slug }, { input, dryRun }) => {
        if (input.hard && !input.confirm && !dryRun) throw unconfirmed(slug);
      },
      phases: [
        {
          name: "ROWS_COUNTED",
          where: "outside",
          inDryRun: true,
          ensure: (run) => count(ports, run),
          undo: nothing("it only looks"),
        },
        ...PHASES.map(
          ([name, target]): TenantPhase<RefreshInput, RefreshFacts> => ({
            name,
            where: "outside",
            ensure: (run) => refresh(ports, run, target, batchSize),
            undo: nothing("a snapshot tells what holds now; the next refresh takes it again"),
          }),
        ),
        {
          name: "REGISTERED",
          where: "platform",
          ensure: async (run, em) => {
            const { hard, targets } = run.input;
            const rows = Object.values(run.facts.rows ?? {}).reduce((sum, n) => sum + n, 0);
            run.record(em, "SNAPSHOTS_REFRESHED", { hard, targets, rows });
            return undefined;
          },
          undo: nothing("it is the last phase"),
        },
      ],
      result: ({ input, facts }) => ({
        hard: input.hard,
        targets: PHASES.filter(([, { name }]) => input.targets.includes(name)).map(
          ([, { name }]) => ({
            target: name,
            total: facts.totals?.[name] ?? null,
            rows: facts.rows?.[name] ?? 0,
            skipped: facts.refusals?.[name] ?? null,
          }),
        ),
      }),
    }),
  );

export const refreshSnapshots = refreshSnapshotsBy(BATCH_SIZE);

const unconfirmed = (slug: string): DomainError =>
  new DomainError("E_CONFIRMATION_REQUIRED", {
    message: `A hard refresh takes every snapshot of tenant '${slug}' again, also of records that were finished long ago`,
  });

/** Finds the targets that the schema has, and counts the rows of those asked for. */
async function count(ports: TenantPorts, run: RefreshRun): Promise<Partial<RefreshFacts>> {
  const site = await run.site();
  const read = inSchema(ports, site, lookAsOwner);
  const totals: Partial<Record<SnapshotTargetName, number>> = {};
  const refusals: Partial<Record<SnapshotTargetName, string>> = {};
  const since = await read(timeOf);
  for (const [, target] of PHASES) {
    const refusal = await read((ask) => refusalOf(ask, target));
    if (refusal !== null) refusals[target.name] = refusal;
    else if (run.input.targets.includes(target.name))
      totals[target.name] = await read((ask) => countRows(ask, target, run.input));
  }
  if (Object.keys(refusals).length === PHASES.length) throw withoutSnapshots(refusals);
  return { since, totals, refusals };
}

const withoutSnapshots = (refusals: ByTarget<string>): DomainError =>
  new DomainError("E_UNSUPPORTED", {
    message: `The tenant's schema keeps no metadata snapshots: ${Object.values(refusals).join("; ")}`,
    nextAction: "Leave it out: this schema has no snapshots to take.",
  });

/** Takes the snapshots of one target, a transaction and an event for each batch. */
async function refresh(
  ports: TenantPorts,
  run: RefreshRun,
  target: SnapshotTarget,
  batchSize: number,
): Promise<Partial<RefreshFacts> | Skipped> {
  const { input, facts } = run;
  if (!input.targets.includes(target.name)) return skipped("it was not asked for");
  const refusal = facts.refusals?.[target.name];
  if (refusal !== undefined) return skipped(`the schema does not keep them: ${refusal}`);
  const total = facts.totals?.[target.name] ?? 0;
  const transact = inSchema(ports, await run.site(), transactAsOwner);
  await run.progress(0, total);
  const rows = await refreshRows(transact, target, {
    hard: input.hard,
    since: facts.since ?? "-infinity",
    batchSize,
    // Rows may have come since they were counted.
    onBatch: (done) => run.progress(done, Math.max(done, total)),
  });
  return { rows: { ...facts.rows, [target.name]: rows } };
}

/** Each call takes a connection of its own for as long as it works: long refreshes share the pool. */
const inSchema =
  (ports: TenantPorts, site: TenantSite, how: typeof lookAsOwner | typeof transactAsOwner) =>
  <T>(work: (ask: Ask) => Promise<T>): Promise<T> =>
    inTenantDatabase(ports, site, (client) => how(client, site.names, work, { workMem: WORK_MEM }));
