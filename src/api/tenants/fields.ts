import type { ErrorCode } from "../../kernel/error-codes.ts";
import { profileAnswers } from "../../operations/tenant-profile.ts";
import { labelsOf, TenantLabel } from "../../tenants/labels.ts";
import { TenantStatus } from "../../tenants/lifecycle.ts";
import { type OwnLimit, type ShownLimits, shownLimits } from "../../tenants/limits.ts";
import { Isolation } from "../../tenants/names.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { builder } from "../builder.ts";
import { mayCall } from "../caller.ts";
import { describedEnum } from "../described-enum.ts";
import { ErrorCodeRef } from "../errors.ts";
import { describedFields, enumOf, objectOf } from "../generate/types.ts";
import { NodeRef } from "../node.ts";
import { DbServerRef, OperationRef, TenantRef } from "../refs.ts";
import { readableBy } from "./secret-names.ts";

interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

const TenantFailure = builder.objectRef<Failure>("TenantFailure").implement({
  description: "Why a tenant could not be provisioned.",
  fields: (t) => ({
    code: t.expose("code", { type: ErrorCodeRef, description: "What went wrong, for programs." }),
    message: t.string({
      description: "What went wrong, for people.",
      resolve: ({ message }, _args, context) => readableBy(context, message),
    }),
  }),
});

const failureOf = ({ failureCode, failureMessage }: Tenant): Failure | null =>
  failureCode === null
    ? null
    : { code: failureCode as ErrorCode, message: failureMessage ?? failureCode };

const OwnLimitRef = describedEnum<OwnLimit>("TenantLimit", "A limit that a tenant has.", {
  CONNECTION_LIMIT: "How many sessions each of its logins may have.",
  STATEMENT_TIMEOUT: "The statement_timeout that its sessions begin with.",
  IDLE_IN_TRANSACTION_TIMEOUT: "The idle_in_transaction_session_timeout that they begin with.",
});

const TenantLimitsRef = builder.objectRef<ShownLimits>("TenantLimits").implement({
  description:
    "What a tenant's application may take of its db server: by its tier, or what was set for it alone. The number of connections is a bound; the timeouts are defaults, which a session may change for itself.",
  fields: (t) => ({
    connectionLimit: t.exposeInt("connectionLimit", {
      description: "How many sessions each of its logins may have at a time.",
    }),
    statementTimeoutSeconds: t.exposeInt("statementTimeoutSeconds", {
      description: "The statement_timeout that its sessions begin with; 0 for none.",
    }),
    idleInTransactionTimeoutSeconds: t.exposeInt("idleInTransactionTimeoutSeconds", {
      description:
        "The idle_in_transaction_session_timeout that its sessions begin with; 0 for none.",
    }),
    own: t.field({
      type: [OwnLimitRef],
      description: "Which of them were set for it alone, with `updateTenant`.",
      resolve: ({ own }) => [...own],
    }),
  }),
});

TenantRef.implement({
  description: "One customer: its place in the registry, and where its tables lie.",
  interfaces: [NodeRef],
  fields: (t) => ({
    slug: t.exposeString("slug", { description: "Its short name, unique among living tenants." }),
    name: t.exposeString("name", { description: "Its name, for people." }),
    status: t.expose("status", {
      type: enumOf(TenantStatus),
      description: "Where it is in its life.",
    }),
    failure: t.field({
      type: TenantFailure,
      nullable: true,
      description: "Why provisioning failed; null unless the status is FAILED.",
      resolve: failureOf,
    }),
    labels: t.field({
      type: [objectOf(TenantLabel)],
      description: "What is noted of it, by key.",
      resolve: labelsOf,
    }),
    limits: t.field({
      type: TenantLimitsRef,
      description: "What its application may take of its db server.",
      resolve: (tenant, _args, { platform }) => shownLimits(platform.config.tenantLimits, tenant),
    }),
    region: t.exposeString("region", {
      nullable: true,
      description:
        "The region that it was placed in; of a tenant that is not placed the one that was asked for, null when none was.",
    }),
    adminEmail: t.string({
      nullable: true,
      description:
        "The email of its first administrator; null where none was asked for, and for roles without `member:read`.",
      resolve: ({ adminEmail }, _args, { caller }) =>
        mayCall(caller, "member:read") ? adminEmail : null,
    }),
    onBehalfOf: t.exposeString("requestedBy", {
      nullable: true,
      description: "Who wanted it, in the words of whoever asked; null when nobody was named.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was asked for." }),
    updatedAt: t.expose("updatedAt", {
      type: "DateTime",
      description: "When its row changed last.",
    }),
    activatedAt: t.expose("activatedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it became ACTIVE; null before.",
    }),
    offboardedFrom: t.expose("offboardedFrom", {
      type: enumOf(TenantStatus),
      nullable: true,
      description: "The status that restoring takes it back to; null unless it is OFFBOARDED.",
    }),
    purgeAfter: t.expose("purgeAfter", {
      type: "DateTime",
      nullable: true,
      description:
        "The end of its retention window, after which it is purged; null unless it is OFFBOARDED.",
    }),
    lockedAt: t.expose("lockedAt", {
      type: "DateTime",
      nullable: true,
      description: "Since when it is locked against deletion; null when it is not.",
    }),
    lockReason: t.exposeString("lockReason", {
      nullable: true,
      description: "Why it is locked against deletion; null when it is not.",
    }),
  }),
});

builder.objectFields(TenantRef, describedFields(profileAnswers));

builder.objectFields(TenantRef, (t) => ({
  isolation: t.expose("isolation", {
    type: enumOf(Isolation),
    description: "Where its schema lies.",
  }),
  dbServer: t.field({
    type: DbServerRef,
    nullable: true,
    description:
      "The db server it is placed on; null before it is placed, after a failure, and for roles without `db-server:read`.",
    resolve: ({ dbServerId }, _args, { load, caller }) =>
      dbServerId === null || !mayCall(caller, "db-server:read")
        ? null
        : load.dbServer.load(dbServerId),
  }),
  databaseName: t.exposeString("databaseName", {
    nullable: true,
    description: "The database that holds its schema; null before it is placed.",
  }),
  schemaName: t.exposeString("schemaName", { description: "The schema that holds its tables." }),
  ownerRole: t.exposeString("ownerRole", {
    description:
      "The PostgreSQL role that owns the schema. Nobody logs in as it, nodes of a Citus cluster aside.",
  }),
  appRole: t.exposeString("appRole", {
    description:
      "The PostgreSQL role that the application logs in as: one of two, which take turns when credentials are rotated.",
  }),
  secretName: t.string({
    nullable: true,
    description:
      "The name of the secret that holds the application's connection URL, never the URL itself; null for roles without `secret-name:read`.",
    resolve: ({ secretName }, _args, { caller }) =>
      mayCall(caller, "secret-name:read") ? secretName : null,
  }),
  credentialsRotatedAt: t.expose("credentialsRotatedAt", {
    type: "DateTime",
    nullable: true,
    description: "When its application got a new login last; null before the first rotation.",
  }),
  oldLoginOpenUntil: t.expose("retiringUntil", {
    type: "DateTime",
    nullable: true,
    description:
      "Until when the application's old login is open beside the new one; null when it is closed.",
  }),
  schemaVersion: t.exposeString("schemaVersion", {
    nullable: true,
    description: "The last migration applied to its schema; null before the first.",
  }),
  migrationsApplied: t.exposeInt("migrationsApplied", {
    description: "How many migrations are applied to its schema.",
  }),
  seedSets: t.stringList({
    description: "The seed sets that it was given, by name.",
    resolve: ({ seedSets }) => seedSets,
  }),
  activeOperation: t.field({
    type: OperationRef,
    nullable: true,
    description:
      "The operation that is running for it; null when there is none, and for roles without `operation:read`.",
    resolve: ({ id }, _args, { load, caller }) =>
      mayCall(caller, "operation:read") ? load.activeOperation.load(id) : null,
  }),
}));
