/** What can be wrong with a tenant: where its status contradicts what exists. */
export const FINDING_CODES = [
  "SERVER_UNREACHABLE",
  "SCHEMA_MISSING",
  "SCHEMA_FOREIGN",
  "DATABASE_MISSING",
  "DATABASE_FOREIGN",
  "ROLE_MISSING",
  "ROLE_CANNOT_LOGIN",
  "ROLE_CAN_LOGIN",
  "ROLE_SETTINGS",
  "LOGIN_REFUSED",
  "SECRET_MISSING",
  "GRACE_ENDED",
  "VERSION_MISMATCH",
  "MIGRATION_CHANGED",
  "MIGRATION_MISSING",
  "MIGRATION_LATE",
  "BEHIND",
  "INDEX_INVALID",
  "SEEDS_MISSING",
  "ORGANIZATION_MISSING",
  "LEFTOVERS",
  "PROVISIONING_STUCK",
  "OPERATION_LOST",
  "OPERATION_UNOWNED",
  "OPERATION_STUCK",
  "OPERATION_UNKNOWN",
  "RETENTION_ENDED",
  "PURGE_UNFINISHED",
  "ORPHAN",
  "HISTORY_LOST",
  "FOLDER_REFUSED",
  "FOLDERS_DIFFER",
] as const;
export type FindingCode = (typeof FINDING_CODES)[number];

/**
 * What mends a finding: an operation of that kind, or one of the reconciler's own small deeds.
 * SET_LOGIN sets the app role's login as the status says, MARK_FAILED gives a tenant that nothing
 * provisions any more the status FAILED, SETTLE ends an operation that the engine has lost, ENQUEUE puts
 * one on the queue again that never began, and RESUME one that nobody runs.
 */
export const REPAIRS = [
  "MIGRATE",
  "SEED",
  "RETIRE_CREDENTIALS",
  "SET_LOGIN",
  "MARK_FAILED",
  "SETTLE",
  "ENQUEUE",
  "RESUME",
  "CLEANUP",
  "PURGE",
] as const;
export type Repair = (typeof REPAIRS)[number];

/** One thing that is wrong, and what mends it. */
export interface Finding {
  readonly code: FindingCode;
  /** For people; holds no secret. Mutations and fields stand in it as in next actions. */
  readonly message: string;
  /** Null where a person has to look. */
  readonly repair: Repair | null;
}

/** Repairs that lose nothing and make nothing that the registry does not promise: done unasked. */
const SAFE: readonly Repair[] = [
  "MIGRATE",
  "SEED",
  "RETIRE_CREDENTIALS",
  "SET_LOGIN",
  "MARK_FAILED",
  "SETTLE",
  "ENQUEUE",
  "RESUME",
];

/**
 * Whether the reconciler may do it by itself. Deleting is always a person's decision, and so is when a
 * tenant that works gets new migrations.
 */
export const isSafe = ({ repair, code }: Pick<Finding, "repair" | "code">): boolean =>
  repair !== null && SAFE.includes(repair) && code !== "BEHIND";
