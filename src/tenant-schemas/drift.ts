import { DomainError } from "../kernel/domain-error.ts";
import type { LedgerRow } from "./ledger.ts";
import type { Migration } from "./migration-folder.ts";

/** A migration as far as a ledger knows it. */
export type Listed = Pick<Migration, "id" | "name" | "sha256" | "repeatable" | "replaces">;

type Row = Pick<LedgerRow, "id" | "sha256">;

/** An applied migration that the folder lacks. */
export interface Missing<M extends Listed> {
  readonly id: string;
  /** The file of the folder that has its content and was not applied: it was renamed. */
  readonly renamed: M | null;
}

/** How the ledger of a tenant's schema stands against a folder. */
export interface Comparison<M extends Listed> {
  /** Applied, and changed since. */
  readonly changed: readonly M[];
  readonly missing: readonly Missing<M>[];
  /** Not applied, and repeatable ones that have changed since, in the folder's order. */
  readonly pending: readonly M[];
  /** Those of `pending` that come before one that was applied. */
  readonly late: readonly M[];
  /** What late ones come before. */
  readonly last: string | null;
}

/** Compares what was applied with a folder. */
export function compareLedger<M extends Listed>(
  migrations: readonly M[],
  ledger: readonly Row[],
): Comparison<M> {
  const inFolder = new Map(migrations.map((migration) => [migration.id, migration]));
  const applied = new Map(ledger.map((row) => [row.id, row]));
  const changed = ledger.flatMap(({ id, sha256 }) => {
    const file = inFolder.get(id);
    return file && !file.repeatable && file.sha256 !== sha256 ? [file] : [];
  });
  const changes = new Set<M>(changed);
  const covered = coveredBy(migrations, applied);
  const lacking = migrations.filter(
    (file) =>
      !covered.has(file.id) && !changes.has(file) && applied.get(file.id)?.sha256 !== file.sha256,
  );
  const missing = ledger
    .filter(({ id }) => !inFolder.has(id))
    .map(({ id, sha256 }) => ({ id, renamed: onlyOne(lacking, sha256) }));
  const renamed = new Set(missing.map((each) => each.renamed));
  const pending = lacking.filter((file) => !renamed.has(file));
  const last = migrations.findLastIndex(({ id, repeatable }) => !repeatable && applied.has(id));
  const before = new Set<M>(migrations.slice(0, Math.max(last, 0)));
  const late = pending.filter((file) => before.has(file));
  return { changed, missing, pending, late, last: migrations[last]?.id ?? null };
}

function onlyOne<M extends Listed>(files: readonly M[], sha256: string): M | null {
  const [first, second] = files.filter((file) => file.sha256 === sha256);
  return first !== undefined && second === undefined ? first : null;
}

/**
 * The ids that need not be applied: what a baseline stands for, where that was applied or where nothing
 * was; and the baseline itself, where some of what it stands for was.
 */
function coveredBy(
  migrations: readonly Pick<Listed, "id" | "replaces">[],
  applied: ReadonlyMap<string, unknown>,
): Set<string> {
  const baselines = migrations.filter(({ replaces }) => replaces.length > 0);
  return new Set(
    baselines.flatMap(({ id, replaces }) => {
      const counts = applied.has(id) || (applied.size === 0 && id === baselines.at(-1)?.id);
      return counts ? replaces : [id];
    }),
  );
}

/**
 * How many rows the ledger of a schema that lacks nothing has, in ascending order: one number, and others
 * for schemas that began with a baseline.
 */
export function wholeCounts(migrations: readonly Pick<Listed, "id" | "replaces">[]): number[] {
  const baselines = migrations.filter(({ replaces }) => replaces.length > 0);
  const counts = ["", ...baselines.map(({ id }) => id)].map(
    (begun) => migrations.length - coveredBy(migrations, new Map([[begun, begun]])).size,
  );
  return [...new Set(counts)].sort((one, other) => one - other);
}

/** What of a migration is told where it is not as its folder has it, in words. */
export function sentencesOf({
  changed,
  missing,
  late,
  last,
}: Pick<Comparison<Listed>, "changed" | "missing" | "late" | "last">): string[] {
  return [
    ...changed.map(({ name }) => `${name} was changed after it was applied`),
    ...missing.map(({ id, renamed }) => {
      const gone = `${id} was applied and is missing from the migration folder`;
      return renamed === null ? gone : `${gone}: ${renamed.name} has its content, as if renamed`;
    }),
    ...late.map(({ name }) => `${name} is new but comes before ${last}, which was applied`),
  ];
}

const SHOWN = 5;

/** What helps where all that is wrong is of one kind. */
const NEXT = {
  late: "Apply what comes too late all the same by `migrateTenant` with `allowOutOfOrder` and `reason`, as an administrator.",
  renamed:
    "Give the files their old names again, or let them count under the new ones with `acceptMigration`, as an administrator.",
  changed:
    "Restore the files as they were applied and put the changes into new ones, or let them count as they are with `acceptMigration`, as an administrator.",
  missing:
    "Put the files back as they were applied, or let them count as taken away with `acceptMigration`, as an administrator.",
};

/** The next action for what was found; the code's own where it is of several kinds. */
function nextFor(
  { changed, missing }: Pick<Comparison<Listed>, "changed" | "missing">,
  late: readonly Listed[],
): { readonly nextAction?: string } {
  const renamed = missing.filter((row) => row.renamed !== null);
  const kinds = {
    changed: changed.length,
    renamed: renamed.length,
    late: late.length,
    missing: missing.length - renamed.length,
  };
  const [kind, ...others] = (Object.keys(NEXT) as (keyof typeof NEXT)[]).filter(
    (each) => kinds[each] > 0,
  );
  return kind && others.length === 0 ? { nextAction: NEXT[kind] } : {};
}

/**
 * Answers the migrations of the folder that the ledger does not hold, and repeatable ones that have
 * changed since.
 *
 * @param outOfOrder ids of those that may come before one that was applied
 * @throws DomainError E_MIGRATION_DRIFT naming the files: changed since they were applied, missing from
 *   the folder, or new but ordered before one that was applied and not allowed to be
 */
export function pendingOf<M extends Listed>(
  { migrations }: { readonly migrations: readonly M[] },
  ledger: readonly Row[],
  outOfOrder: readonly string[] = [],
): M[] {
  const found = compareLedger(migrations, ledger);
  const late = found.late.filter(({ id }) => !outOfOrder.includes(id));
  const faults = sentencesOf({ ...found, late });
  if (faults.length === 0) return [...found.pending];
  const more = faults.length > SHOWN ? `; and ${faults.length - SHOWN} more` : "";
  throw new DomainError("E_MIGRATION_DRIFT", {
    message: faults.slice(0, SHOWN).join("; ") + more,
    ...nextFor(found, late),
    migration: { file: found.changed[0]?.name ?? found.missing[0]?.id ?? late[0]?.name ?? "" },
    detail: {
      changed: found.changed.map(({ id }) => id),
      missing: found.missing.map(({ id }) => id),
      late: late.map(({ id }) => id),
    },
  });
}

/**
 * The version of a schema: of the applied migrations that have one, the last in the folder's order, since
 * one may have been applied out of order; the one applied last where the folder does not know it.
 */
export function versionOf(
  ledger: readonly Pick<LedgerRow, "id">[],
  migrations: readonly Pick<Listed, "id">[],
): string | null {
  const places = new Map(migrations.map(({ id }, at) => [id, at]));
  const place = (id: string) => places.get(id) ?? Number.NaN;
  // Flyway's repeatable migrations are applied again and again: a schema's version is another one's id.
  const ids = ledger.map(({ id }) => id).filter((id) => !/^R__/.test(id));
  return ids.reduce<string | null>(
    (best, id) => (best !== null && place(best) > place(id) ? best : id),
    null,
  );
}
