import type { AuditRow } from "../audit/audit-event.entity.ts";
import { AuditEventType } from "../audit/events.ts";
import { countAuditEvents, AuditFilter as Filter, listAuditEvents } from "../audit/list.ts";
import { AuditChange, changesOf, summaryOf } from "../audit/summary.ts";
import { ActorView } from "../kernel/actor-view.ts";
import { isId } from "../kernel/ids.ts";
import { builder } from "./builder.ts";
import { connectionOf, pageArgs, readConnection } from "./connections.ts";
import { inputOf } from "./generate/inputs.ts";
import { enumOf, objectOf } from "./generate/types.ts";
import { given } from "./given.ts";
import { NodeRef } from "./node.ts";
import { AuditEventRef, OperationRef, TenantRef } from "./refs.ts";

AuditEventRef.implement({
  description:
    "A fact in the audit trail. It never changes: it is chained to the one before by its hash.",
  interfaces: [NodeRef],
  fields: (t) => ({
    sequence: t.expose("sequence", {
      type: "BigInt",
      description: "Its place in the trail: 1, 2, 3 … without a gap, in the order of the commits.",
    }),
    type: t.field({
      type: enumOf(AuditEventType),
      description: "What happened.",
      resolve: ({ type }) => type as AuditEventType,
    }),
    at: t.expose("at", {
      type: "DateTime",
      description: "When the transaction began that wrote it.",
    }),
    actor: t.field({
      type: objectOf(ActorView),
      description: "Who did it.",
      resolve: ({ actorKind, actorId: id, actorName: name }) => ({
        kind: actorKind as ActorView["kind"],
        id,
        name,
      }),
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
    summary: t.string({
      description: "What happened, in a sentence for people, with what is told of it.",
      resolve: (row) => summaryOf(row.type, row.detail),
    }),
    changes: t.field({
      type: [objectOf(AuditChange)],
      description: "What was changed, of facts that tell it; otherwise empty.",
      resolve: ({ type, detail }) => changesOf(type, detail),
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

const AuditFilter = inputOf("AuditFilter", Filter);

builder.queryField("auditEvent", (t) =>
  t.field({
    type: AuditEventRef,
    nullable: true,
    description: "One event of the audit trail; null when there is none. For administrators.",
    authScopes: { action: "audit:read" },
    args: { id: t.arg.id({ required: true, description: "The event's UUID." }) },
    resolve: (_root, { id }, { load }) => (isId(id) ? load.auditEvent.load(id) : null),
  }),
);

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
      const wanted = given(filter ?? {});
      return readConnection(
        args,
        (page) => listAuditEvents(em(), wanted, page),
        () => countAuditEvents(em(), wanted),
      );
    },
  }),
);
