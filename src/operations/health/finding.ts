import { z } from "zod";
import { type Described, describedEnum, describedObject } from "../../kernel/described.ts";

export const FindingCode = describedEnum(
  "HealthFindingCode",
  "What can be wrong with a tenant, or with the service as a whole.",
  {
    SERVER_UNREACHABLE: "Its db server or its own database cannot be looked at, or there is none.",
    SCHEMA_MISSING: "Its schema does not exist.",
    SCHEMA_FOREIGN: "A schema of its name exists that was not made for it.",
    DATABASE_MISSING: "Its own database does not exist.",
    DATABASE_FOREIGN: "A database of its own database's name exists that was not made for it.",
    ROLE_MISSING: "A PostgreSQL role of it does not exist, or is not its own.",
    ROLE_SETTINGS:
      "Its roles have settings that Tenantry has not made, and that its sessions begin with.",
    ROLE_LIMITS:
      "Its logins have another connection limit or other timeouts than it is to have, or none.",
    CONNECTION_LIMIT_HIGH:
      "It may open as many connections as its db server has for all tenants, or more.",
    ROLE_CANNOT_LOGIN: "Its application cannot log in, although its status says so.",
    ROLE_CAN_LOGIN: "Its application can log in, although its status forbids it.",
    LOGIN_NEWER:
      "Its secret leads to another login than the registry's, which a rotation that the registry does not know of has made.",
    LOGIN_REFUSED: "A login with its secret was refused.",
    SECRET_MISSING: "Its secret does not exist.",
    SECRET_LATE:
      "Its secret has a newer version than the current one, from somebody who wrote late.",
    GRACE_ENDED:
      "The grace period of its last rotation has ended, and the old login is not closed.",
    VERSION_MISMATCH: "Its schema's ledger and the registry tell different versions.",
    MIGRATION_CHANGED: "Files of applied migrations were changed since: see `acceptMigration`.",
    MIGRATION_MISSING:
      "Applied migrations are missing from the migration folder, or renamed there: see `acceptMigration`.",
    MIGRATION_LATE:
      "Migrations of the folder come before one that was applied: see `migrateTenant` with `allowOutOfOrder`.",
    BEHIND: "Its schema lacks migrations of the folder. They are not applied unasked.",
    INDEX_INVALID: "Indexes of it are INVALID: they were not built to their end.",
    SEEDS_MISSING: "Seed sets that it was given are not there.",
    ORGANIZATION_MISSING: "Its schema holds no organization, or no laboratory.",
    LEFTOVERS: "Something of a tenant is there that should be gone.",
    PROVISIONING_STUCK: "It is PROVISIONING, and no operation works on it.",
    OPERATION_LOST: "Its operation has not ended, and the engine does not know it any more.",
    OPERATION_UNOWNED:
      "Its operation waits for a worker: the one that has claimed it is not alive, or none is.",
    OPERATION_STUCK:
      "Its operation was claimed by a worker that is alive, and has not begun for 15 seconds.",
    OPERATION_UNKNOWN:
      "No worker that is alive can run its operation: it is of a kind, or has phases, of another version.",
    PURGE_UNFINISHED: "Its purge has begun and not ended, and no operation works on it.",
    RETENTION_ENDED: "Its retention window has ended, and it is not purged.",
    ORPHAN: "Something bears the mark of a tenant that the registry does not know.",
    HISTORY_LOST:
      "The platform database has lost something, as after a failover to a standby that lagged. Nothing is mended, and nobody is let in, until an administrator has accepted it.",
    FOLDER_REFUSED:
      "The migration folder of the process that looked is refused, so that no ledger was compared with it.",
    FOLDERS_DIFFER:
      "Processes of the service have different migration folders: which migrations a tenant gets depends on who runs its operation.",
  },
);
export type FindingCode = Described<typeof FindingCode>;

/** Remedies, in the order in which they are applied: operations of that kind, and the doctor's own changes. */
export const Repair = describedEnum("HealthRepair", "What mends a finding.", {
  SETTLE: "Ending the lost operation.",
  ENQUEUE: "Putting the operation on the queue again.",
  RESUME: "Giving the operation back to the queue, for a worker that is alive.",
  MARK_FAILED: "Giving it the status FAILED.",
  ADOPT:
    "Taking the tenant back into the registry as its db server tells of it. Its people are lost.",
  PUT_SECRET_BACK: "Storing what the current version of its secret holds as the newest.",
  FOLLOW_SECRET: "Letting the registry take over the login that the newest secret leads to.",
  ROTATE_CREDENTIALS: "`rotateTenantCredentials`.",
  FOLLOW_STATUS:
    "Giving it the status that its logins have on the db server: SUSPENDED where they are closed, ACTIVE where one is open.",
  SET_LOGIN: "Letting its application in or keeping it out, as the status says.",
  SET_LIMITS: "Giving its logins the limits that they should have, by an operation.",
  MIGRATE: "`migrateTenant`.",
  SEED: "`seedTenant`.",
  RETIRE_CREDENTIALS: "`retireTenantCredentials`.",
  DROP: "Dropping what bears the mark of a tenant that the registry does not know. It does not come back.",
  CLEANUP: "`cleanupFailedTenants`, which a person has to ask for.",
  PURGE: "`purgeTenant`, which a person has to ask for.",
});
export type Repair = Described<typeof Repair>;
export const REPAIRS = Repair.options;

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

const Remedy = describedObject("HealthRemedy", "A way to mend a finding.", {
  repair: Repair.describe("What is done."),
  deletes: z.boolean().describe("Whether it deletes something that does not come back."),
});

export const FindingView = describedObject(
  "HealthFinding",
  "One thing that is wrong with a tenant, and what mends it.",
  {
    id: z.string().meta({
      description: "Its id, for caches: the same while the same is wrong with the same tenant.",
      isId: true,
    }),
    code: FindingCode.describe("What is wrong, for programs."),
    message: z.string().meta({ description: "What is wrong, for people.", namesSecrets: true }),
    repair: Repair.nullable().describe(
      "What suggests itself to mend it; null where a person has to look, or to choose.",
    ),
    remedies: z
      .array(Remedy)
      .describe("Everything that mends it, what suggests itself first. One of them is enough."),
    safe: z
      .boolean()
      .describe(
        "Whether `mendTenants` applies `repair` where it is told no remedies: it loses nothing, and makes nothing that the registry does not promise. Where it is false and there are `remedies`, a person has to choose one.",
      ),
  },
);

/**
 * Findings with everything that is known of their remedies.
 *
 * @param about what they are about, as far as it is known: a tenant's id, or a slug
 */
export function viewsOf(
  about: string,
  findings: readonly Finding[],
): Described<typeof FindingView>[] {
  const seen = new Map<string, number>();
  return findings.map((finding) => {
    const { code } = finding;
    const nth = (seen.get(code) ?? 0) + 1;
    seen.set(code, nth);
    return {
      ...finding,
      id: [about, code, ...(nth > 1 ? [nth] : [])].join(":"),
      remedies: remediesOf(finding).map((repair) => ({ repair, deletes: deletes(repair) })),
      safe: isSafe(finding),
    };
  });
}
