import { z } from "zod";

// Text that callers choose is cut where it is recorded, so that nobody can fill the trail with it.
const words = z.string().max(500);
const email = z.string().max(254);
const role = z.string().max(40);

const Subject = z.strictObject({ id: z.uuid().nullable(), slug: z.string().max(63) });

const fact = <Type extends string, Detail extends z.ZodRawShape>(type: Type, detail: Detail) =>
  z.strictObject({
    type: z.literal(type),
    /** Absent where the fact is about no tenant. */
    tenant: Subject.optional(),
    /** The operation that the fact belongs to; absent where there is none. */
    operationId: z.uuid().optional(),
    detail: z.strictObject(detail),
  });

/** A fact that is about one tenant and one operation. */
const operationFact = <Type extends string, Detail extends z.ZodRawShape>(
  type: Type,
  detail: Detail,
) => fact(type, detail).required({ tenant: true, operationId: true });

/** What stood before a purge; names, never values. */
const Evidence = z.strictObject({
  server: words,
  database: words,
  schema: words.nullable(),
  tables: z.int().min(0),
  bytes: z.int().min(0),
  roles: z.array(words).max(10),
  secretName: words.nullable(),
});

/** How many rows about people went. */
const People = z.strictObject({
  memberships: z.int().min(0),
  invitations: z.int().min(0),
  mails: z.int().min(0),
  identities: z.int().min(0),
});

/** Objects by kind and name, such as `SCHEMA org_acme`. */
const remains = z.array(words).max(50);

const realm = z.enum(["PLATFORM", "TENANT"]);

/** Everything that the audit trail tells: facts in the past tense, none of them holding a secret. */
export const AuditEvent = z.discriminatedUnion("type", [
  operationFact("TENANT_PROVISION_REQUESTED", {
    dryRun: z.boolean(),
    isolation: words,
    tier: words,
    region: words.nullable(),
    adminEmail: email,
    requestedBy: words.nullable(),
  }),
  operationFact("TENANT_PROVISIONED", {
    dbServer: words,
    isolation: words,
    schemaVersion: words.nullable(),
    migrationsApplied: z.int().min(0),
  }),
  operationFact("TENANT_PROVISION_FAILED", {
    code: words,
    phase: words.nullable(),
    /** False where an undo failed and something was left behind. */
    undone: z.boolean(),
  }),
  operationFact("TENANT_OPERATION_REQUESTED", { kind: words, reason: words.nullable() }),
  operationFact("TENANT_OPERATION_ENDED", {
    kind: words,
    state: words,
    code: words.nullable(),
    /** False where an undo failed and something was left behind; null where there was none. */
    undone: z.boolean().nullable(),
  }),
  operationFact("TENANT_ACTIVATED", {
    forced: z.boolean(),
    reason: words.nullable(),
    failedChecks: z.array(words).max(20),
  }),
  operationFact("TENANT_SUSPENDED", { reason: words.nullable(), sessionsEnded: z.int().min(0) }),
  operationFact("TENANT_RESUMED", {}),
  operationFact("TENANT_OFFBOARDED", {
    reason: words.nullable(),
    from: words,
    purgeAfter: z.iso.datetime(),
    /** Whether it is purged right behind. */
    purge: z.boolean(),
  }),
  operationFact("TENANT_RESTORED", { to: words }),
  operationFact("TENANT_PURGE_POSTPONED", { reason: words, lookAgainAt: z.iso.datetime() }),
  operationFact("TENANT_PURGE_BEGUN", { reason: words.nullable(), evidence: Evidence }),
  operationFact("TENANT_PURGED", {
    reason: words.nullable(),
    evidence: Evidence,
    people: People,
    remaining: remains,
  }),
  operationFact("TENANT_CLEANED_UP", {
    dropSchema: z.boolean(),
    removed: remains,
    remaining: remains,
    people: People,
  }),
  fact("TENANT_LOCKED", { reason: words }).required({ tenant: true }),
  fact("TENANT_UNLOCKED", {}).required({ tenant: true }),
  fact("TENANT_REPAIRED", { repair: words, finding: words }).required({ tenant: true }),
  operationFact("LABORATORY_ADDED", { laboratory: words, organization: words }),
  operationFact("TENANT_SEEDED", {
    sets: z.array(words).max(1000),
    rowsAdded: z.int().min(0),
  }),
  operationFact("SNAPSHOTS_REFRESHED", {
    /** Every record was rewritten, whatever its state. */
    hard: z.boolean(),
    targets: z.array(words).max(10),
    rows: z.int().min(0),
  }),
  operationFact("OPERATION_RETRIED", { kind: words, retryOf: z.uuid() }),
  operationFact("OPERATION_CANCEL_REQUESTED", { kind: words }),
  fact("DB_SERVER_REGISTERED", { dbServer: words, region: words, capacityHint: z.int().min(0) }),
  /** Names of the fields, never their values: one of them is about a secret. */
  fact("DB_SERVER_UPDATED", { dbServer: words, changed: z.array(words).min(1).max(20) }),
  fact("DB_SERVER_STATUS_SET", {
    dbServer: words,
    from: words,
    to: words,
    reason: words.nullable(),
  }),
  fact("PLATFORM_USER_CREATED", { userId: z.uuid(), email, role }),
  fact("PLATFORM_USER_RESTORED", { userId: z.uuid(), email, role }),
  fact("SIGNED_IN", { realm, email }),
  fact("SIGN_IN_FAILED", {
    realm,
    /** Null where what was typed has not the form of an email: it may be a password. */
    email: email.nullable(),
    reason: z.enum([
      "UNKNOWN_ACCOUNT",
      "WRONG_PASSWORD",
      "DISABLED",
      "ONE_TIME_PASSWORD_EXPIRED",
      "PASSWORD_CHANGE_REQUIRED",
      "UNKNOWN_TENANT",
      "NO_MEMBERSHIP",
      "TENANT_NOT_ACTIVE",
    ]),
  }),
  /** The first try that was refused, unseen, in a wait after too many failures. */
  fact("SIGN_IN_LIMITED", {
    realm: z.enum(["PLATFORM", "TENANT", "INVITATION"]),
    /** Null where what was typed has not the form of an email: it may be a password. */
    email: email.nullable(),
    by: z.enum(["ACCOUNT", "ADDRESS"]),
    failures: z.int().min(1),
    retryAfterSeconds: z.int().min(1),
  }),
  fact("SIGNED_OUT", {}),
  fact("PASSWORD_CHANGED", { realm, email }),
  fact("REFRESH_TOKEN_REUSED", { family: z.uuid() }),
  operationFact("INVITATION_SENT", { invitationId: z.uuid(), email }),
  operationFact("ONE_TIME_PASSWORD_SET", { invitationId: z.uuid(), email }),
  operationFact("MEMBERSHIP_ADDED", { membershipId: z.uuid(), email, role }),
  operationFact("INVITATION_ACCEPTED", { invitationId: z.uuid(), email }),
  operationFact("ONE_TIME_PASSWORD_REVEALED", { invitationId: z.uuid(), email }),
  fact("ACCESS_REFUSED", { action: words }),
]);
export type AuditEvent = z.infer<typeof AuditEvent>;

/** Every type of fact, for filters and for documentation. */
export const AUDIT_EVENT_TYPES: readonly AuditEvent["type"][] = AuditEvent.options.map(
  (option) => option.shape.type.value,
);
