import {
  deletes,
  type Finding,
  type FindingCode,
  type Repair,
  remediesOf,
} from "../operations/health/finding.ts";
import type { HealthLook } from "../operations/health/looks.ts";
import type { TenantHealth } from "../operations/health/tenant-health.ts";
import { builder } from "./builder.ts";
import { describedEnum } from "./described-enum.ts";
import { OperationRef, TenantRef } from "./refs.ts";
import { readableBy } from "./tenants/secret-names.ts";

export const FindingCodeRef = describedEnum<FindingCode>(
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

export const RepairRef = describedEnum<Repair>("HealthRepair", "What mends a finding.", {
  ADOPT:
    "Taking the tenant back into the registry as its db server tells of it. Its people are lost.",
  FOLLOW_SECRET: "Letting the registry take over the login that the newest secret leads to.",
  FOLLOW_STATUS:
    "Giving it the status that its logins have on the db server: SUSPENDED where they are closed, ACTIVE where one is open.",
  DROP: "Dropping what bears the mark of a tenant that the registry does not know. It does not come back.",
  MIGRATE: "`migrateTenant`.",
  SEED: "`seedTenant`.",
  SET_LIMITS: "Giving its logins the limits that they should have, by an operation.",
  SET_LOGIN: "Letting its application in or keeping it out, as the status says.",
  ROTATE_CREDENTIALS: "`rotateTenantCredentials`.",
  RETIRE_CREDENTIALS: "`retireTenantCredentials`.",
  MARK_FAILED: "Giving it the status FAILED.",
  SETTLE: "Ending the lost operation.",
  ENQUEUE: "Putting the operation on the queue again.",
  RESUME: "Giving the operation back to the queue, for a worker that is alive.",
  PUT_SECRET_BACK: "Storing what the current version of its secret holds as the newest.",
  CLEANUP: "`cleanupFailedTenants`, which a person has to ask for.",
  PURGE: "`purgeTenant`, which a person has to ask for.",
});

const RemedyRef = builder.objectRef<Repair>("HealthRemedy").implement({
  description: "A way to mend a finding.",
  fields: (t) => ({
    repair: t.field({
      type: RepairRef,
      description: "What is done.",
      resolve: (repair) => repair,
    }),
    deletes: t.boolean({
      description: "Whether it deletes something that does not come back.",
      resolve: (repair) => deletes(repair),
    }),
  }),
});

const FindingRef = builder.objectRef<Finding>("HealthFinding").implement({
  description: "One thing that is wrong with a tenant, and what mends it.",
  fields: (t) => ({
    code: t.expose("code", { type: FindingCodeRef, description: "What is wrong, for programs." }),
    message: t.string({
      description: "What is wrong, for people.",
      resolve: ({ message }, _args, context) => readableBy(context, message),
    }),
    repair: t.expose("repair", {
      type: RepairRef,
      nullable: true,
      description:
        "What suggests itself to mend it; null where a person has to look, or to choose.",
    }),
    remedies: t.field({
      type: [RemedyRef],
      description: "Everything that mends it, what suggests itself first. One of them is enough.",
      resolve: (finding) => remediesOf(finding),
    }),
  }),
});

const LookRef = describedEnum<HealthLook>(
  "HealthLook",
  "What is looked at of a tenant. Its tables, their columns and rows are not among it.",
  {
    STATUS: "What the registry says: its status, and moments that have passed.",
    OPERATION: "The operation that has not ended, if there is one.",
    LEFTOVERS: "What remains of one that has no place any more.",
    PLACEMENT: "Whether its database and schema are there and bear its mark.",
    ROLES:
      "Whether its roles are there, its own, without foreign settings, with the limits that it has, and may log in as its status says.",
    SECRET: "Whether its secret is there, and its newest version the current one.",
    LOGIN: "A login with the secret, as its application does: of one tenant alone.",
    LEDGER: "Whether its ledger of migrations and the registry tell one version.",
    FOLDER: "Its ledger against the migration folder of the process that looked.",
    INDEXES: "Whether an index of its tables is INVALID.",
    SEEDS: "Whether it has a list of seeds, where it was given any.",
    LABORATORIES: "Whether it has an organization and a laboratory, where it has such tables.",
  },
);

const TenantHealthRef = builder.objectRef<TenantHealth>("TenantHealth").implement({
  description:
    "What was looked at of a tenant, and what was found. Tables themselves are not compared with anything.",
  fields: (t) => ({
    tenant: t.expose("tenant", {
      type: TenantRef,
      nullable: true,
      description: "The tenant; null for what belongs to none that the registry knows.",
    }),
    healthy: t.exposeBoolean("healthy", {
      description:
        "Whether nothing was found. Of what was not looked at (see `looked`) that says nothing.",
    }),
    findings: t.field({
      type: [FindingRef],
      description: "What is wrong; empty where nothing was found.",
      resolve: ({ findings }) => [...findings],
    }),
    looked: t.field({
      type: [LookRef],
      description:
        "What was looked at; what a server or the secret store did not answer is missing here.",
      resolve: ({ looked }) => [...looked],
    }),
    operation: t.field({
      type: OperationRef,
      nullable: true,
      description: "The operation that works on it, while which nothing else is judged; or null.",
      resolve: ({ operation }, _args, { load }) =>
        operation === null ? null : load.operation.load(operation.id),
    }),
  }),
});

builder.queryField("tenantHealth", (t) =>
  t.field({
    type: [TenantHealthRef],
    description:
      "Looks on the db servers whether something contradicts what the registry and the migration folder say of tenants, and changes nothing: each answer tells what was looked at, and tables themselves are not compared. Of one tenant it also tries the login; of all it also compares the migration folders of the service's processes. Costs a few queries for each db server and for each 25 tenants, and three thousand of a request's objects: for a list use `tenants`.",
    authScopes: { action: "operation:read" },
    args: {
      slug: t.arg.string({
        description: "The tenant's slug; all that are not purged when left out.",
      }),
    },
    extensions: { cost: 3_000 },
    resolve: (_root, { slug }, { load }) => load.health(slug ?? undefined),
  }),
);
