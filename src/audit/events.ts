import { z } from "zod";
import { describedEnum } from "../kernel/described.ts";
import { count, email, fact, operationFact, role, tenantFact, words } from "./fact.ts";

const Evidence = z
  .strictObject({
    server: words,
    database: words,
    schema: words.nullable(),
    tables: count,
    bytes: count,
    roles: z.array(words).max(10),
    secretName: words.nullable(),
  })
  .describe("what existed before the purge: names and sizes, never values");

const People = z
  .strictObject({
    memberships: count,
    invitations: count,
    mails: count,
    identities: count,
  })
  .describe("how many rows about people were removed");

const objects = (which: string) =>
  z.array(words).max(50).describe(`${which}, by kind and name: \`SCHEMA org_acme\``);

/** What was typed as an email, which may be a password by mistake. */
const typedEmail = email
  .nullable()
  .describe("null where what was typed does not have the form of an email");

const timesInTheMinute = z
  .int()
  .min(1)
  .describe("how often within the same minute: the 1st, 10th, 100th … time is recorded");

const ledgerEntry = z.strictObject({ migration: words, checksum: words });

const serviceToken = {
  serviceTokenId: z.uuid(),
  name: words,
  hint: words.describe("how the token's value begins; never the value"),
};

const realm = z.enum(["PLATFORM", "TENANT"]);

/** Everything that the audit trail tells: facts in the past tense, none of them holding a secret. */
export const AuditEvent = z.discriminatedUnion("type", [
  operationFact("TENANT_PROVISION_REQUESTED", "Somebody asked for a new tenant.", {
    dryRun: z.boolean(),
    isolation: words,
    tier: words,
    region: words.nullable(),
    adminEmail: email.nullable(),
    requestedBy: words.nullable(),
  }),
  operationFact("TENANT_PROVISIONED", "A new tenant is in use.", {
    dbServer: words,
    isolation: words,
    schemaVersion: words.nullable(),
    migrationsApplied: count,
  }),
  operationFact("TENANT_PROVISION_FAILED", "A new tenant could not be made.", {
    code: words,
    phase: words.nullable(),
    undone: z.boolean().describe("false where an undo failed and something was left behind"),
  }),
  operationFact("TENANT_OPERATION_REQUESTED", "Somebody asked for an operation on a tenant.", {
    kind: words,
    reason: words.nullable(),
  }),
  operationFact("TENANT_OPERATION_ENDED", "An operation on a tenant ended, well or badly.", {
    kind: words,
    state: words,
    code: words.nullable(),
    undone: z
      .boolean()
      .nullable()
      .describe("false where an undo failed and something was left behind; null without an undo"),
  }),
  operationFact("TENANT_ACTIVATED", "A tenant became active, checked or forced.", {
    forced: z.boolean(),
    reason: words.nullable(),
    failedChecks: z.array(words).max(20),
  }),
  operationFact(
    "MIGRATION_ORDER_WAIVED",
    "Migrations were allowed to be applied although later ones had been.",
    { migrations: z.array(words).max(100), reason: words },
  ),
  operationFact(
    "MIGRATION_ACCEPTED",
    "What a tenant's ledger says of one migration was made to follow the migration folder.",
    {
      reason: words,
      before: ledgerEntry.describe("the ledger's entry before"),
      after: ledgerEntry.nullable().describe("its entry since; null where it was removed"),
    },
  ),
  operationFact("TENANT_CREDENTIALS_ROTATED", "A tenant's application got a new login.", {
    reason: words.nullable(),
    from: words.describe("the role before"),
    to: words.describe("the role since"),
    secretVersion: words,
    oldLoginOpenUntil: z.iso.datetime(),
  }),
  operationFact("TENANT_CREDENTIALS_RETIRED", "The login before the last rotation was closed.", {
    reason: words.nullable(),
    role: words,
    sessionsEnded: count,
  }),
  tenantFact(
    "TENANT_CREDENTIALS_REVEALED",
    "The login of a tenant's application was shown, with its password.",
    { reason: words.nullable(), role: words, secretVersion: words },
  ),
  tenantFact(
    "TENANT_SECRET_RESTORED",
    "A tenant's secret was written or removed late, and its noted version became the newest again.",
    {
      late: words
        .nullable()
        .describe("the secret's version that was written late; null where it was removed"),
      noted: words,
      secretVersion: words,
    },
  ),
  tenantFact(
    "TENANT_SECRET_REMOVED",
    "A secret was written late for a tenant that has none any more, and was removed.",
    { late: words },
  ),
  operationFact("TENANT_SUSPENDED", "A tenant was taken out of use for now.", {
    reason: words.nullable(),
    sessionsEnded: count,
  }),
  operationFact("TENANT_RESUMED", "A suspended tenant was taken into use again.", {}),
  operationFact("TENANT_OFFBOARDED", "A tenant was taken out of use for good.", {
    reason: words.nullable(),
    from: words,
    purgeAfter: z.iso.datetime(),
    purge: z.boolean().describe("whether a purge follows at once"),
  }),
  operationFact("TENANT_RESTORED", "An offboarded tenant was brought back.", { to: words }),
  operationFact(
    "TENANT_PURGE_POSTPONED",
    "The purge at the end of a retention window was put off: the tenant was locked.",
    { reason: words, lookAgainAt: z.iso.datetime() },
  ),
  operationFact("TENANT_PURGE_BEGUN", "A purge passed its point of no return.", {
    reason: words.nullable(),
    evidence: Evidence,
  }),
  operationFact("TENANT_PURGED", "Everything that a tenant held was removed.", {
    reason: words.nullable(),
    evidence: Evidence,
    people: People,
    remaining: objects("what was left"),
  }),
  operationFact("TENANT_CLEANED_UP", "A tenant whose provisioning failed was cleared away.", {
    dropSchema: z.boolean(),
    removed: objects("what was removed"),
    remaining: objects("what was left"),
    people: People,
  }),
  tenantFact("TENANT_LOCKED", "A tenant was locked against deletion.", { reason: words }),
  tenantFact("TENANT_UNLOCKED", "A tenant's lock against deletion was taken away.", {}),
  tenantFact(
    "TENANT_UPDATED",
    "Name, tier, limits, line of business or support contacts were changed.",
    {
      changes: z
        .array(z.strictObject({ field: words, from: words.nullable(), to: words.nullable() }))
        .min(1)
        .max(20),
    },
  ),
  tenantFact("TENANT_DELETION_REFUSED", "Somebody tried to delete a locked tenant.", {
    kind: words,
    times: timesInTheMinute,
  }),
  tenantFact("TENANT_REPAIRED", "The doctor mended something of a tenant.", {
    repair: words,
    finding: words,
  }),
  tenantFact(
    "TENANT_TAKEN_BACK",
    "A tenant that the registry did not know, or knew as failed, was taken back as its db server tells of it.",
    {
      status: words,
      dbServer: words,
      isolation: words,
      schemaVersion: words.nullable(),
      secretFound: z.boolean(),
      missing: z
        .array(words)
        .max(20)
        .describe("the checks that failed, where the tenant became FAILED"),
    },
  ),
  tenantFact(
    "TENANT_REMAINS_DROPPED",
    "Somebody had dropped what bore the mark of a tenant that the registry does not know.",
    { dbServer: words, remains: objects("what was dropped") },
  ),
  operationFact("LABORATORY_ADDED", "A laboratory was added to a tenant.", {
    laboratory: words,
    organization: words,
  }),
  operationFact("TENANT_SEEDED", "Seed sets were added to a tenant's schema.", {
    sets: z.array(words).max(1000),
    rowsAdded: count,
  }),
  operationFact("SNAPSHOTS_REFRESHED", "The snapshots of a tenant's records were taken again.", {
    hard: z.boolean().describe("whether every record was rewritten, whatever its state"),
    targets: z.array(words).max(10),
    rows: count,
  }),
  operationFact("OPERATION_RETRIED", "Somebody took a failed operation up again.", {
    kind: words,
    retryOf: z.uuid(),
  }),
  operationFact("OPERATION_CANCEL_REQUESTED", "Somebody asked a running operation to stop.", {
    kind: words,
  }),
  fact("DB_SERVER_REGISTERED", "A db server was added.", {
    dbServer: words,
    region: words,
    capacityHint: count,
  }),
  fact("DB_SERVER_UPDATED", "A db server was changed.", {
    dbServer: words,
    // One of the values is about a secret.
    changed: z.array(words).min(1).max(20).describe("names of the fields, never their values"),
  }),
  fact("DB_SERVER_STATUS_SET", "A db server was set to take new tenants, or not to.", {
    dbServer: words,
    from: words,
    to: words,
    reason: words.nullable(),
  }),
  fact("PLATFORM_USER_CREATED", "A platform user was made.", { userId: z.uuid(), email, role }),
  fact(
    "PLATFORM_USER_RESTORED",
    "The break-glass command gave an existing platform user a new password and the administrator role.",
    { userId: z.uuid(), email, role },
  ),
  fact("PLATFORM_USER_ROLE_SET", "A platform user was given another role.", {
    userId: z.uuid(),
    email,
    from: role,
    to: role,
  }),
  fact("PLATFORM_USER_DISABLED", "A platform user was shut out.", { userId: z.uuid(), email }),
  fact("PLATFORM_USER_ENABLED", "A disabled platform user may sign in again.", {
    userId: z.uuid(),
    email,
  }),
  fact(
    "PLATFORM_USER_PASSWORD_RESET",
    "A platform user's password was replaced by a one-time password.",
    { userId: z.uuid(), email },
  ),
  fact(
    "PLATFORM_USER_SIGNED_OUT",
    "A platform user was signed out everywhere, by itself or by an administrator.",
    { userId: z.uuid(), email },
  ),
  fact("EXTERNAL_USER_ADDED", "Somebody came by single sign-on for the first time.", {
    userId: z.uuid(),
    issuer: words,
    subject: words,
    email,
    role,
  }),
  fact("EXTERNAL_USER_FOLLOWED", "Somebody's newer token of single sign-on says otherwise.", {
    userId: z.uuid(),
    email,
    roleBefore: role.nullable().describe("null where the tokens before granted none"),
    role: role.nullable().describe("null where the token grants none"),
  }),
  fact("SIGNED_IN", "Somebody signed in.", { realm, email }),
  fact("SIGN_IN_FAILED", "Somebody tried to sign in and was refused.", {
    realm,
    email: typedEmail,
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
  fact(
    "SIGN_IN_LIMITED",
    "The first try that was refused, unseen, in a wait after too many failures.",
    {
      realm: z.enum(["PLATFORM", "TENANT", "INVITATION", "PASSWORD_RESET"]),
      email: typedEmail,
      by: z.enum(["ACCOUNT", "ADDRESS"]),
      failures: z.int().min(1),
      retryAfterSeconds: z.int().min(1),
    },
  ),
  fact("SIGNED_OUT", "Somebody ended a session.", {}),
  fact("PASSWORD_CHANGED", "Somebody changed their password.", { realm, email }),
  fact(
    "PASSWORD_RESET_REQUESTED",
    "Somebody asked to be sent a link to a new password for a tenant's user.",
    {
      email: typedEmail,
      refusal: z
        .enum([
          "UNKNOWN_TENANT",
          "UNKNOWN_ACCOUNT",
          "NO_MEMBERSHIP",
          "TENANT_NOT_ACTIVE",
          "NO_PASSWORD",
        ])
        .nullable()
        .describe("why no mail was sent; null where one was"),
    },
  ),
  tenantFact("PASSWORD_RESET", "A tenant's user chose a new password by the link in a mail.", {
    email,
  }),
  fact("REFRESH_TOKEN_REUSED", "A refresh token was sent twice, which ended its session.", {
    family: z.uuid(),
  }),
  tenantFact("INVITATION_SENT", "An invitation to a tenant was sent.", {
    invitationId: z.uuid(),
    email,
  }),
  tenantFact("INVITATION_RESENT", "An invitation was sent again, with a new link.", {
    invitationId: z.uuid(),
    email,
    timesSent: z.int().min(1),
  }),
  tenantFact("INVITATION_REVOKED", "An invitation was taken back.", {
    invitationId: z.uuid(),
    email,
  }),
  tenantFact("ONE_TIME_PASSWORD_SET", "A tenant's user was given a one-time password.", {
    invitationId: z.uuid(),
    email,
  }),
  tenantFact("MEMBERSHIP_ADDED", "A person became a member of a tenant.", {
    membershipId: z.uuid(),
    email,
    role,
  }),
  tenantFact("MEMBERSHIP_REMOVED", "A person was taken out of a tenant.", {
    membershipId: z.uuid(),
    email,
    role,
  }),
  tenantFact("INVITATION_ACCEPTED", "Somebody accepted an invitation to a tenant.", {
    invitationId: z.uuid(),
    email,
  }),
  operationFact("ONE_TIME_PASSWORD_REVEALED", "A one-time password was shown, once.", {
    invitationId: z.uuid(),
    email,
  }),
  fact("SERVICE_TOKEN_CREATED", "A token for a script was made.", {
    ...serviceToken,
    role,
    expiresAt: z.iso.datetime(),
  }),
  fact("SERVICE_TOKEN_REVOKED", "A token for a script was revoked.", serviceToken),
  fact("SIGNING_KEY_ROTATED", "A new key was made to sign access tokens with.", {
    keyId: words,
    signsFrom: z.iso.datetime(),
    replaces: z.array(words).max(10).describe("ids of the keys before"),
    dropped: z
      .boolean()
      .describe("whether those were dropped at once, with every token that they had signed"),
    reason: words.nullable(),
  }),
  fact("SIGNING_KEY_PURGED", "The private half of a retired signing key was removed.", {
    keyId: words,
  }),
  fact(
    "PLATFORM_LOSS_NOTICED",
    "The platform database turned out to have lost something, as after a failover to a standby that lagged.",
    {
      place: words.describe("where the lost row or token was noted: a file, or a db server"),
      notedRow: count
        .nullable()
        .describe("the row of the audit trail that was noted and is missing; null for a token"),
      keptRow: count.nullable().describe("the last row before it that is known to be kept"),
      token: count
        .nullable()
        .describe("a db server's fence token that was never drawn; null for a row"),
    },
  ),
  fact("PLATFORM_LOSS_ACCEPTED", "An administrator accepted what the platform database has lost.", {
    reason: words,
    notedRow: count.nullable(),
    keptRow: count.nullable(),
  }),
  fact("ACCESS_REFUSED", "Somebody was refused what their role does not allow.", {
    action: words.describe("as the grants table names it"),
    times: timesInTheMinute,
  }),
]);
export type AuditEvent = z.infer<typeof AuditEvent>;

/** Every type of fact with what it tells, in a sentence. */
export const AuditEventType = describedEnum(
  "AuditEventType",
  "What an audit event tells. `docs/audit.md` has what writes which.",
  Object.fromEntries(
    AuditEvent.options.map((option) => [option.shape.type.value, option.description]),
  ) as Record<AuditEvent["type"], string>,
);
export type AuditEventType = z.infer<typeof AuditEventType>;
