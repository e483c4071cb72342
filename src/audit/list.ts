import type { FilterQuery } from "@mikro-orm/core";
import { z } from "zod";
import { BY_SEQUENCE, findPage, type Page, type PageRequest } from "../database/keyset.ts";
import type { EntityManager } from "../database/orm.ts";
import { ActorKind } from "../kernel/actor-view.ts";
import { isId } from "../kernel/ids.ts";
import { AuditEventEntity, type AuditRow } from "./audit-event.entity.ts";
import { AuditEventType } from "./events.ts";

const uuidOf = (description: string) => z.string().meta({ description, isId: true });

export const AuditFilter = z
  .object({
    types: z.array(AuditEventType).describe("Those of one of these types."),
    actorKind: ActorKind.describe("Those of actors of this kind."),
    actorId: z.string().describe("Those of the actor with this id: see `Actor.id`."),
    slug: z
      .string()
      .describe("Those about tenants with this slug, also one that was purged and had it before."),
    tenantId: uuidOf("Those about the tenant with this UUID."),
    operationId: uuidOf("Those that belong to the operation with this UUID."),
    address: z.string().describe("Those of requests from exactly this network address."),
    since: z.date().describe("Those from this moment on."),
    until: z.date().describe("Those before this moment."),
  })
  .partial()
  .describe("Which audit events. What is left out does not matter.");
type AuditFilter = z.infer<typeof AuditFilter>;

/** A page of the audit trail, the newest first. */
export async function listAuditEvents(
  em: EntityManager,
  filter: AuditFilter,
  page: PageRequest,
): Promise<Page<AuditRow>> {
  const list = { name: "audit-event", entity: AuditEventEntity, key: BY_SEQUENCE };
  return await findPage(em, list, await auditWhere(em, filter), page);
}

/** How many facts pass a filter. */
export const countAuditEvents = async (em: EntityManager, filter: AuditFilter): Promise<number> =>
  await em.count(AuditEventEntity, await auditWhere(em, filter));

async function auditWhere(em: EntityManager, filter: AuditFilter): Promise<FilterQuery<AuditRow>> {
  const { types, since, until, tenantId, operationId, ...equal } = filter;
  const { slug: tenantSlug, ...rest } = equal;
  return {
    $and: [
      { sequence: { $ne: null } },
      ...(types === undefined ? [] : [{ type: { $in: [...types] } }]),
      ...Object.entries({ ...rest, ...(tenantSlug === undefined ? {} : { tenantSlug }) }).map(
        ([field, value]) => ({ [field]: value }),
      ),
      ...(tenantId === undefined ? [] : [{ tenantId: idOrNone(tenantId) }]),
      ...(operationId === undefined ? [] : [{ operationId: idOrNone(operationId) }]),
      ...(since === undefined ? [] : [{ at: { $gte: since } }, await fromAbout(em, since)]),
      ...(until === undefined ? [] : [{ at: { $lt: until } }, await upToAbout(em, until)]),
    ],
  } as FilterQuery<AuditRow>;
}

const idOrNone = (id: string) => (isId(id) ? id : { $in: [] });

// The list is ordered by the sequence, which follows the time of the commit; a row's time is that of
// its transaction's beginning. No transaction lasts an hour, so that a moment is a place in the
// sequence with an hour to spare: without that, an old window would be looked for from the newest row.

async function fromAbout(em: EntityManager, since: Date): Promise<FilterQuery<AuditRow>> {
  const sequence = await placeNear(em, "at >= ?::timestamptz - interval '1 hour'", since, "asc");
  return sequence === null ? { sequence: { $in: [] } } : { sequence: { $gte: sequence } };
}

async function upToAbout(em: EntityManager, until: Date): Promise<FilterQuery<AuditRow>> {
  const sequence = await placeNear(em, "at <= ?::timestamptz + interval '1 hour'", until, "desc");
  return sequence === null ? { sequence: { $in: [] } } : { sequence: { $lte: sequence } };
}

async function placeNear(
  em: EntityManager,
  condition: string,
  moment: Date,
  order: "asc" | "desc",
): Promise<bigint | null> {
  const [row] = await em.execute<{ sequence: string }[]>(
    `select event.sequence::text from platform.audit_event event
     where event.sequence is not null and ${condition}
     order by event.at ${order}, event.sequence ${order} limit 1`,
    [moment],
  );
  return row ? BigInt(row.sequence) : null;
}
