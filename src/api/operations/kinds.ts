import type { TenantAct } from "../../tenants/lifecycle.ts";
import { describedEnum } from "../described-enum.ts";

/** What each kind does, and the names of its phases in order. */
const KINDS: Readonly<Record<TenantAct, readonly [does: string, phases: string]>> = {
  PROVISION: [
    "Makes a tenant: placement, secret, schema and roles, migrations, seeds, first administrator.",
    "PLACEMENT_RESOLVED, STATE_CHECKED, SECRET_SET, DATABASE_CREATED, MIGRATIONS_APPLIED, SEEDS_APPLIED, VERIFIED, MASTER_REGISTERED, ADMIN_SEEDED, COMPLETE",
  ],
  MIGRATE: [
    "Applies the migrations that a tenant's schema lacks, and verifies it. A schema that was lost is made anew, with the organization that the tenant was provisioned with.",
    "MIGRATIONS_PLANNED, SCHEMA_ENSURED, MIGRATIONS_APPLIED, ORGANIZATION_ENSURED, VERIFIED, REGISTERED",
  ],
  ACCEPT_MIGRATION: [
    "Lets a migration count as applied to a tenant as its file is now, where it was edited, renamed or taken away.",
    "LEDGER_COMPARED, LEDGER_CHANGED, REGISTERED",
  ],
  ACTIVATE: [
    "Checks whether a tenant is ready, and makes it ACTIVE.",
    "READINESS_CHECKED, ACTIVATED",
  ],
  ADD_LABORATORY: [
    "Adds a laboratory to one of a tenant's organizations.",
    "ORGANIZATION_RESOLVED, LABORATORY_ADDED, REGISTERED",
  ],
  SEED: [
    "Adds the rows of seed sets that a tenant's schema lacks.",
    "SETS_RESOLVED, SEEDS_APPLIED, REGISTERED",
  ],
  REFRESH_SNAPSHOTS: [
    "Takes the metadata snapshots of a tenant's records again.",
    "ROWS_COUNTED, PATIENTS, ANALYSIS_REQUESTS, SAMPLES, ANALYSES, REGISTERED",
  ],
  ROTATE_CREDENTIALS: [
    "Gives a tenant's application a new login; the old one stays open for a grace period.",
    "ROLE_CHOSEN, OLD_LOGIN_CLOSED, GRACE_ENDED, NEW_LOGIN_OPENED, SECRET_STORED, VERIFIED, ROTATED",
  ],
  RETIRE_CREDENTIALS: [
    "Closes the login that a rotation has left open. Begun by the platform at the end of the grace period.",
    "LOGIN_VERIFIED, OLD_LOGIN_CLOSED, GRACE_ENDED",
  ],
  SET_LIMITS: [
    "Gives a tenant's logins the limits that it has, or its tier. Begun by `updateTenant` where these change.",
    "LIMITS_SET",
  ],
  SUSPEND: [
    "Takes a tenant out of use: its application cannot log in any more.",
    "LOGIN_CLOSED, SESSIONS_ENDED, SUSPENDED",
  ],
  RESUME: ["Takes a suspended tenant into use again.", "LOGIN_OPENED, VERIFIED, RESUMED"],
  CLEANUP: [
    "Clears a tenant away whose provisioning failed.",
    "REMAINS_FOUND, SCHEMA_DROPPED, SECRET_REMOVED, REMAINING_FOUND, CLEANED_UP",
  ],
  OFFBOARD: [
    "Takes a tenant out of use for good, and starts its retention window.",
    "LOGIN_CLOSED, SESSIONS_ENDED, OFFBOARDED",
  ],
  RESTORE: ["Brings an offboarded tenant back as it was.", "LOGIN_OPENED, VERIFIED, RESTORED"],
  PURGE: [
    "Removes all that a tenant holds; the audit trail stays. From PURGE_BEGUN on there is no way back.",
    "EVIDENCE_TAKEN, LOGIN_CLOSED, SESSIONS_ENDED, PURGE_BEGUN, SCHEMA_DROPPED, SECRET_REMOVED, REMAINING_FOUND, PURGED",
  ],
};

export const OperationKindRef = describedEnum<TenantAct>(
  "OperationKind",
  "What an operation does, and the phases that it has.",
  Object.fromEntries(
    Object.entries(KINDS).map(([kind, [does, phases]]) => [kind, `${does} Phases: ${phases}.`]),
  ) as Record<TenantAct, string>,
);
