import {
  type Comparison,
  compareLedger,
  type Listed,
  sentencesOf,
  versionOf,
} from "../../tenant-schemas/drift.ts";
import type { InvalidIndex, SurveyedLedger } from "../../tenant-schemas/survey.ts";
import { LIFECYCLE } from "../../tenants/lifecycle.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import type { Finding } from "./finding.ts";

/** Files that a finding names; the rest is counted. */
const NAMED = 5;

const some = (names: readonly string[], separator: string): string =>
  names.slice(0, NAMED).join(separator) +
  (names.length > NAMED ? `${separator}and ${names.length - NAMED} more` : "");

/**
 * What is wrong with a tenant's ledger: against the registry, and against the migration folder.
 *
 * @param migrations null where the folder could not be read
 */
export function ledgerFindings(
  tenant: Tenant,
  ledger: SurveyedLedger,
  migrations: readonly Listed[] | null,
): Finding[] {
  const { schemaVersion } = tenant;
  // Of a version that the folder does not know, its order does not say whether it is the last.
  const known = migrations?.some(({ id }) => id === schemaVersion) ?? false;
  const applied = ledger.some(({ id }) => id === schemaVersion);
  const found = applied && !known ? [] : mismatch(tenant, versionOf(ledger, migrations ?? []));
  // One that is out of use for good is not migrated any more.
  if (migrations === null || LIFECYCLE[tenant.status].MIGRATE !== "ALLOWED") return found;
  return [...found, ...folderFindings(compareLedger(migrations, ledger))];
}

function mismatch({ status, schemaVersion }: Tenant, version: string | null): Finding[] {
  if (version === schemaVersion) return [];
  const says = `the registry says ${schemaVersion ?? "none"}`;
  return [
    {
      code: "VERSION_MISMATCH",
      message: `The schema's last migration is ${version ?? "none"}, ${says}`,
      repair: status === "ACTIVE" ? "MIGRATE" : null,
    },
  ];
}

function folderFindings(compared: Comparison<Listed>): Finding[] {
  const { changed, missing, late, pending, last } = compared;
  const none = { changed: [], missing: [], late: [], last };
  const accept = "Restore it, or let it count as it is with `acceptMigration`";
  const sentences = (only: Partial<Comparison<Listed>>) =>
    some(sentencesOf({ ...none, ...only }), "; ");
  const findings: (Finding | false)[] = [
    changed.length > 0 && {
      code: "MIGRATION_CHANGED",
      message: `${sentences({ changed })}. ${accept}`,
      repair: null,
    },
    missing.length > 0 && {
      code: "MIGRATION_MISSING",
      message: `${sentences({ missing })}. ${accept}`,
      repair: null,
    },
    late.length > 0 && {
      code: "MIGRATION_LATE",
      message: `${sentences({ late })}. Apply it by \`migrateTenant\` with \`allowOutOfOrder\``,
      repair: null,
    },
    pending.length > late.length && {
      code: "BEHIND",
      message: `Not applied: ${some(behind(compared), ", ")}`,
      repair: "MIGRATE",
    },
  ];
  return findings.filter((each) => each !== false);
}

const behind = ({ pending, late }: Comparison<Listed>): string[] =>
  pending.filter((file) => !late.includes(file)).map(({ id }) => id);

/** An index that was not built to its end takes its time of every write and is used by no query. */
export function indexFindings(indexes: readonly InvalidIndex[]): Finding[] {
  if (indexes.length === 0) return [];
  const names = some(
    indexes.map(({ schema, name, table }) => `${schema}.${name} on ${table}`),
    ", ",
  );
  const message = `INVALID indexes, which no query uses: ${names}. Drop them and build them again`;
  return [{ code: "INDEX_INVALID", message, repair: null }];
}
