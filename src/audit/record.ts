import type { EntityManager } from "@mikro-orm/postgresql";
import type { ActorView } from "../kernel/actor-view.ts";
import type { Frozen } from "../kernel/described.ts";
import { newId } from "../kernel/ids.ts";
import { AuditEventEntity } from "./audit-event.entity.ts";
import { AuditEvent } from "./events.ts";

/**
 * Who did what is told. Every `Actor` is one; beside them a tenant's user (IDENTITY), and whoever
 * tried to sign in to an account that does not exist or asked for another password (ANONYMOUS).
 */
export interface AuditActor extends ActorView {
  readonly address: string | null;
}

/**
 * Adds a fact to the audit trail inside the caller's transaction: it is written with the caller's
 * next flush, at the latest at the commit, and takes its place in the chain at the commit.
 *
 * @throws ZodError for an event that is not of the list; Error outside of a transaction
 */
export function record(em: EntityManager, actor: AuditActor, event: Frozen<AuditEvent>): void {
  if (!em.isInTransaction()) {
    throw new Error("An audit event is recorded in the transaction of the change it tells of");
  }
  const fact = AuditEvent.parse(event);
  em.persist(
    em.create(AuditEventEntity, {
      id: newId(),
      type: fact.type,
      actorKind: actor.kind,
      actorId: actor.id,
      actorName: actor.name,
      address: actor.address,
      tenantId: fact.tenant?.id ?? null,
      tenantSlug: fact.tenant?.slug ?? null,
      operationId: fact.operationId ?? null,
      detail: fact.detail,
    }),
  );
}
