import type { RemovedPeople } from "../../invitations/remove-people.ts";
import type { Evidence } from "../../operations/parts/purge-evidence.ts";
import type { Remain } from "../../operations/parts/tenant-remains.ts";
import { builder } from "../builder.ts";
import { mayCall } from "../caller.ts";
import type { ApiContext } from "../context.ts";
import { describedEnum } from "../described-enum.ts";
import { TenantStatusRef } from "../tenants/tenants.ts";

const mayReadSecretNames = ({ caller }: ApiContext) => mayCall(caller, "secret-name:read");

type Status = "ACTIVE" | "SUSPENDED";

const SESSIONS_ENDED =
  "How many open sessions of its application were ended; null where it did not come to that.";

const SuspensionResultRef = builder
  .objectRef<{ readonly sessionsEnded: number | null }>("SuspensionResult")
  .implement({
    description: "What came of suspending a tenant.",
    fields: (t) => ({
      sessionsEnded: t.exposeInt("sessionsEnded", { nullable: true, description: SESSIONS_ENDED }),
    }),
  });

/** What offboarding keeps as its result. */
interface OffboardingResult {
  readonly offboardedFrom: Status | null;
  /** In ISO 8601. */
  readonly purgeAfter: string | null;
  readonly purge: boolean;
  readonly sessionsEnded: number | null;
}

const OffboardingResultRef = builder.objectRef<OffboardingResult>("OffboardingResult").implement({
  description: "What came of offboarding a tenant.",
  fields: (t) => ({
    offboardedFrom: t.expose("offboardedFrom", {
      type: TenantStatusRef,
      nullable: true,
      description: "The status that restoring takes it back to; null where it failed.",
    }),
    purgeAfter: t.field({
      type: "DateTime",
      nullable: true,
      description: "The end of its retention window; null where it failed.",
      resolve: ({ purgeAfter }) => (purgeAfter === null ? null : new Date(purgeAfter)),
    }),
    purge: t.exposeBoolean("purge", {
      description: "Whether it is purged right behind, by an operation of its own.",
    }),
    sessionsEnded: t.exposeInt("sessionsEnded", { nullable: true, description: SESSIONS_ENDED }),
  }),
});

const RestorationResultRef = builder
  .objectRef<{ readonly status: Status | null }>("RestorationResult")
  .implement({
    description: "What came of restoring a tenant.",
    fields: (t) => ({
      status: t.expose("status", {
        type: TenantStatusRef,
        nullable: true,
        description: "The status that it came back to; null where it failed.",
      }),
    }),
  });

const RemainKind = describedEnum<Remain["kind"]>("RemainKind", "What kind of thing it is.", {
  SCHEMA: "A schema.",
  OWNER_ROLE: "The PostgreSQL role that owns a schema.",
  APP_ROLE: "The PostgreSQL role that an application logs in as.",
  GROUP_ROLE: "The PostgreSQL role that may connect to the tenant's own database.",
  DATABASE: "The tenant's own database, with the schema in it.",
  SECRET: "A secret in the secret store.",
});

const RemainRef = builder.objectRef<Remain>("TenantRemain").implement({
  description: "Something outside the registry that bears one of a tenant's names.",
  fields: (t) => ({
    kind: t.expose("kind", { type: RemainKind, description: "What kind of thing it is." }),
    name: t.string({
      nullable: true,
      description: "Its name; that of a secret is null for roles without `secret-name:read`.",
      resolve: ({ kind, name }, _args, context) =>
        kind !== "SECRET" || mayReadSecretNames(context) ? name : null,
    }),
    server: t.exposeString("server", {
      nullable: true,
      description: "The name of the db server that it is on; null for a secret.",
    }),
    ours: t.exposeBoolean("ours", {
      description: "Whether it was made for this tenant; what was not is never touched.",
    }),
  }),
});

const RemovedPeopleRef = builder.objectRef<RemovedPeople>("RemovedPeople").implement({
  description: "How much about people was removed with a tenant.",
  fields: (t) => ({
    memberships: t.exposeInt("memberships", { description: "How many memberships." }),
    invitations: t.exposeInt("invitations", { description: "How many invitations." }),
    mails: t.exposeInt("mails", { description: "How many mails, sent or not." }),
    identities: t.exposeInt("identities", {
      description: "How many people who belonged to no other tenant.",
    }),
  }),
});

/** What cleaning up keeps as its result. */
interface CleanupResult {
  readonly dropSchema: boolean;
  readonly removed: readonly Remain[];
  readonly remaining: readonly Remain[];
  readonly unsearched: readonly string[];
  readonly people: RemovedPeople | null;
}

const CleanupResultRef = builder.objectRef<CleanupResult>("CleanupResult").implement({
  description: "What came of cleaning up a tenant.",
  fields: (t) => ({
    dropSchema: t.exposeBoolean("dropSchema", {
      description: "Whether schema or database, roles and secret were to go, too.",
    }),
    removed: t.field({
      type: [RemainRef],
      description: "What was removed.",
      resolve: ({ removed }) => [...removed],
    }),
    remaining: t.field({
      type: [RemainRef],
      description: "What is still there.",
      resolve: ({ remaining }) => [...remaining],
    }),
    unsearched: t.stringList({
      description: "The names of db servers that could not be entered to look.",
      resolve: ({ unsearched }) => [...unsearched],
    }),
    people: t.expose("people", {
      type: RemovedPeopleRef,
      nullable: true,
      description: "What was removed about people; null where it did not come to that.",
    }),
  }),
});

const EvidenceRef = builder.objectRef<Evidence>("PurgeEvidence").implement({
  description: "What of a tenant stood before its purge: names and sizes, no value of anything.",
  fields: (t) => ({
    server: t.exposeString("server", { description: "The db server's name." }),
    database: t.exposeString("database", { description: "The database that held the schema." }),
    schema: t.exposeString("schema", {
      nullable: true,
      description: "The schema's name; null where the tenant had none of its own.",
    }),
    tables: t.exposeInt("tables", { description: "How many tables it had." }),
    bytes: t.exposeFloat("bytes", {
      description: "How much of the disk the schema took, indexes included, in bytes.",
    }),
    roles: t.exposeStringList("roles", { description: "The names of its PostgreSQL roles." }),
    secretName: t.string({
      nullable: true,
      description:
        "The name of its secret; null where there was none, and for roles without `secret-name:read`.",
      resolve: ({ secretName }, _args, context) =>
        mayReadSecretNames(context) ? secretName : null,
    }),
  }),
});

/** What purging keeps as its result. */
interface PurgeResult {
  readonly begun: boolean;
  readonly evidence: Evidence | null;
  readonly people: RemovedPeople | null;
  readonly remaining: readonly Remain[];
}

const PurgeResultRef = builder.objectRef<PurgeResult>("PurgeResult").implement({
  description: "What came of purging a tenant, also where the purge failed half-way.",
  fields: (t) => ({
    begun: t.exposeBoolean("begun", {
      description: "Whether it came to the point from which there is no way back.",
    }),
    evidence: t.expose("evidence", {
      type: EvidenceRef,
      nullable: true,
      description: "What stood before; null where it did not come to look.",
    }),
    people: t.expose("people", {
      type: RemovedPeopleRef,
      nullable: true,
      description: "What was removed about people; null where it did not come to that.",
    }),
    remaining: t.field({
      type: [RemainRef],
      description:
        "What bears the tenant's names and was not removed, since it is not the tenant's.",
      resolve: ({ remaining }) => [...remaining],
    }),
  }),
});

/** The types that tell of tenants that go or come back, by the operation's kind. */
export const REMOVAL_RESULTS = {
  SUSPEND: SuspensionResultRef,
  CLEANUP: CleanupResultRef,
  OFFBOARD: OffboardingResultRef,
  RESTORE: RestorationResultRef,
  PURGE: PurgeResultRef,
};
