import type { AuditRow } from "../audit/audit-event.entity.ts";
import { AUDIT_EVENT_TYPES, type AuditEventType } from "../audit/events.ts";
import { countAuditEvents, type AuditFilter as Filter, listAuditEvents } from "../audit/list.ts";
import type { AuditActor } from "../audit/record.ts";
import { builder } from "./builder.ts";
import { connectionOf, pageArgs, readConnection } from "./connections.ts";
import { describedEnum } from "./described-enum.ts";
import { given } from "./given.ts";
import { NodeRef } from "./node.ts";
import { AuditEventRef, OperationRef, TenantRef } from "./refs.ts";

const AuditEventTypeRef = describedEnum<AuditEventType>(
  "AuditEventType",
  "What an audit event tells. `docs/audit.md` has what writes which.",
  AUDIT_EVENT_TYPES,
);

const AuditActorKind = describedEnum<AuditActor["kind"]>(
  "AuditActorKind",
  "What kind of actor an audit event tells of.",
  {
    USER: "A platform user.",
    SERVICE_TOKEN: "A script with a service token.",
    OS_USER: "Somebody at the machine, with the break-glass command.",
    SYSTEM: "Tenantry itself.",
    IDENTITY: "A user of a tenant.",
    ANONYMOUS:
      "Nobody known: a try to sign in to an account that does not exist, or somebody who asks for another password.",
  },
);

const AuditActorRef = builder.objectRef<AuditRow>("AuditActor").implement({
  description: "Who did what an audit event tells.",
  fields: (t) => ({
    kind: t.field({
      type: AuditActorKind,
      description: "What kind of actor it is.",
      resolve: ({ actorKind }) => actorKind as AuditActor["kind"],
    }),
    id: t.exposeString("actorId", {
      description:
        "The id of the user or service token; for an OS user the login name and host, `ada@bastion`.",
    }),
    name: t.exposeString("actorName", { description: "Who that was at the time, for people." }),
  }),
});

AuditEventRef.implement({
  description:
    "A fact in the audit trail. It never changes: it is chained to the one before by its hash.",
  interfaces: [NodeRef],
  fields: (t) => ({
    sequence: t.string({
      description:
        "Its place in the trail: 1, 2, 3 … without a gap, in the order of the commits. A number as text, since it can outgrow an Int.",
      resolve: ({ sequence }) => String(sequence),
    }),
    type: t.field({
      type: AuditEventTypeRef,
      description: "What happened.",
      resolve: ({ type }) => type as AuditEventType,
    }),
    at: t.expose("at", {
      type: "DateTime",
      description: "When the transaction began that wrote it.",
    }),
    actor: t.field({
      type: AuditActorRef,
      description: "Who did it.",
      resolve: (event) => event,
    }),
    address: t.exposeString("address", {
      nullable: true,
      description:
        "The network address that the request came from; null at the machine itself, and for what an operation did after its request.",
    }),
    slug: t.exposeString("tenantSlug", {
      nullable: true,
      description: "The slug of the tenant it is about; null when it is about none.",
    }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: "The tenant it is about; null when it is about none, or about none that exists.",
      resolve: ({ tenantId }, _args, { load }) => (tenantId ? load.tenant.load(tenantId) : null),
    }),
    operation: t.field({
      type: OperationRef,
      nullable: true,
      description: "The operation it belongs to; null when it belongs to none.",
      resolve: ({ operationId }, _args, { load }) =>
        operationId ? load.operation.load(operationId) : null,
    }),
    detail: t.field({
      type: "JSON",
      description: "What else is told, by its type; always an object, and never with a secret.",
      resolve: ({ detail }) => detail,
    }),
    prevHash: t.string({
      description: "The hash of the event before this one; 64 zeros for the first.",
      resolve: ({ prevHash }) => prevHash ?? "",
    }),
    hash: t.string({
      description: "SHA-256 in hex over this event and `prevHash`; `docs/audit.md` tells how.",
      resolve: ({ hash }) => hash ?? "",
    }),
  }),
});

const AuditEventConnection = connectionOf<AuditRow>("AuditEvent", "audit events", AuditEventRef);

const AuditFilter = builder.inputType("AuditFilter", {
  description: "Which audit events. What is left out does not matter.",
  fields: (t) => ({
    types: t.field({ type: [AuditEventTypeRef], description: "Those of one of these types." }),
    actorKind: t.field({ type: AuditActorKind, description: "Those of actors of this kind." }),
    actorId: t.string({ description: "Those of the actor with this id: see `AuditActor.id`." }),
    slug: t.string({
      description:
        "Those about tenants with this slug, also one that was purged and had it before.",
    }),
    tenantId: t.id({ description: "Those about the tenant with this UUID." }),
    operationId: t.id({ description: "Those that belong to the operation with this UUID." }),
    address: t.string({ description: "Those of requests from exactly this network address." }),
    since: t.field({ type: "DateTime", description: "Those from this moment on." }),
    until: t.field({ type: "DateTime", description: "Those before this moment." }),
  }),
});

builder.queryField("auditEvents", (t) =>
  t.field({
    type: AuditEventConnection,
    description: "The audit trail, the newest event first. For administrators.",
    authScopes: { action: "audit:read" },
    args: {
      filter: t.arg({ type: AuditFilter, description: "Which events; all when left out." }),
      ...pageArgs("audit events"),
    },
    resolve: (_root, { filter, ...args }, { em }) => {
      const wanted: Filter = given(filter ?? {});
      return readConnection(
        args,
        (page) => listAuditEvents(em(), wanted, page),
        () => countAuditEvents(em(), wanted),
      );
    },
  }),
);
