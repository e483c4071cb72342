import type { TenantLimits } from "../../tenants/limits.ts";
import { builder } from "../builder.ts";

/** What rotating keeps as its result. */
interface RotationResult {
  readonly from: string | null;
  readonly to: string | null;
  readonly secretVersion: string | null;
  /** In ISO 8601. */
  readonly oldLoginOpenUntil: string | null;
}

const RotationResultRef = builder.objectRef<RotationResult>("CredentialRotationResult").implement({
  description: "What came of rotating a tenant's credentials, or what a dry run of it found.",
  fields: (t) => ({
    from: t.exposeString("from", {
      nullable: true,
      description: "The PostgreSQL role that the application logged in as before.",
    }),
    to: t.exposeString("to", {
      nullable: true,
      description: "The PostgreSQL role that takes its place.",
    }),
    secretVersion: t.exposeString("secretVersion", {
      nullable: true,
      description:
        "The version of the secret that holds the new login, as the secret store names it; null where it did not come to that.",
    }),
    oldLoginOpenUntil: t.field({
      type: "DateTime",
      nullable: true,
      description: "The end of the old login's grace period; null where the rotation failed.",
      resolve: ({ oldLoginOpenUntil }) =>
        oldLoginOpenUntil === null ? null : new Date(oldLoginOpenUntil),
    }),
  }),
});

/** What closing an old login keeps as its result. */
interface RetirementResult {
  readonly closedRole: string | null;
  readonly sessionsEnded: number | null;
}

const RetirementResultRef = builder
  .objectRef<RetirementResult>("CredentialRetirementResult")
  .implement({
    description: "What came of closing the login that a rotation had left open.",
    fields: (t) => ({
      closedRole: t.exposeString("closedRole", {
        nullable: true,
        description: "The PostgreSQL role whose login was closed; null where none was open.",
      }),
      sessionsEnded: t.exposeInt("sessionsEnded", {
        nullable: true,
        description: "How many of its open sessions were ended; null where none was open.",
      }),
    }),
  });

/** What setting limits keeps as its result; without limits where it did not come to that. */
interface LimitsResult extends Partial<TenantLimits> {
  readonly roles: readonly string[];
}

const LimitsResultRef = builder.objectRef<LimitsResult>("LimitsSetResult").implement({
  description: "What came of giving a tenant's logins their limits.",
  fields: (t) => ({
    roles: t.stringList({
      description: "The PostgreSQL roles that have them now.",
      resolve: ({ roles }) => [...roles],
    }),
    connectionLimit: t.int({
      nullable: true,
      description: "How many sessions each may have at a time; null where it was not set.",
      resolve: ({ connectionLimit }) => connectionLimit ?? null,
    }),
    statementTimeoutSeconds: t.int({
      nullable: true,
      description: "Their statement_timeout, 0 for none; null where it was not set.",
      resolve: ({ statementTimeoutSeconds }) => statementTimeoutSeconds ?? null,
    }),
    idleInTransactionTimeoutSeconds: t.int({
      nullable: true,
      description:
        "Their idle_in_transaction_session_timeout, 0 for none; null where it was not set.",
      resolve: ({ idleInTransactionTimeoutSeconds }) => idleInTransactionTimeoutSeconds ?? null,
    }),
  }),
});

/** The types that tell of tenants' credentials, by the operation's kind. */
export const CREDENTIAL_RESULTS = {
  ROTATE_CREDENTIALS: RotationResultRef,
  RETIRE_CREDENTIALS: RetirementResultRef,
  SET_LIMITS: LimitsResultRef,
};
