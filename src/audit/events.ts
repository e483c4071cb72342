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
  operationFact("OPERATION_RETRIED", { kind: words, retryOf: z.uuid() }),
  operationFact("OPERATION_CANCEL_REQUESTED", { kind: words }),
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
