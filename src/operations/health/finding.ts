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
  "ROLE_LIMITS",
  "CONNECTION_LIMIT_HIGH",
  "LOGIN_NEWER",
  "LOGIN_REFUSED",
  "SECRET_MISSING",
  "SECRET_LATE",
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
 * What mends a finding, in the order in which remedies are applied: an operation of that kind, or a change
 * of the doctor's own.
 */
export const REPAIRS = [
  "SETTLE",
  "ENQUEUE",
  "RESUME",
  "MARK_FAILED",
  "ADOPT",
  "PUT_SECRET_BACK",
  "FOLLOW_SECRET",
  "ROTATE_CREDENTIALS",
  "FOLLOW_STATUS",
  "SET_LOGIN",
  "SET_LIMITS",
  "MIGRATE",
  "SEED",
  "RETIRE_CREDENTIALS",
  "DROP",
  "CLEANUP",
  "PURGE",
] as const;
export type Repair = (typeof REPAIRS)[number];

/** One thing that is wrong, and what mends it. */
export interface Finding {
  readonly code: FindingCode;
  /** For people; holds no secret. Mutations and fields stand in it as in next actions. */
  readonly message: string;
  /** The remedy that suggests itself; null where there is none, or a person has to choose. */
  readonly repair: Repair | null;
  /** Remedies beside it, of which a person has to choose. */
  readonly others?: readonly Repair[];
}

/** Every remedy of a finding, the one that suggests itself first. */
export const remediesOf = ({
  repair,
  others = [],
}: Pick<Finding, "repair" | "others">): Repair[] =>
  repair === null ? [...others] : [repair, ...others];

const DELETING: readonly Repair[] = ["DROP", "CLEANUP", "PURGE"];

/** Whether a remedy deletes something that does not come back. */
export const deletes = (repair: Repair): boolean => DELETING.includes(repair);

/** Repairs that lose nothing and make nothing that the registry does not promise: done unasked. */
const SAFE: readonly Repair[] = [
  "MIGRATE",
  "SEED",
  "SET_LIMITS",
  "RETIRE_CREDENTIALS",
  "SET_LOGIN",
  "MARK_FAILED",
  "SETTLE",
  "ENQUEUE",
  "RESUME",
  "PUT_SECRET_BACK",
];

/**
 * Whether the doctor may do it when it is asked to. Deleting is always a person's decision, and so is when a
 * tenant that works gets new migrations.
 */
export const isSafe = ({ repair, code }: Pick<Finding, "repair" | "code">): boolean =>
  repair !== null && SAFE.includes(repair) && code !== "BEHIND";
