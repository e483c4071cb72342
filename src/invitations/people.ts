import type { EntityManager } from "@mikro-orm/postgresql";
import { type Mail, MailEntity } from "../mail/mail.entity.ts";
import { type Identity, IdentityEntity } from "./identity.entity.ts";
import {
  type Invitation,
  InvitationEntity,
  type InvitationState,
  stateOf,
} from "./invitation.entity.ts";
import { type Membership, MembershipEntity } from "./membership.entity.ts";

/** How many people and invitations of a tenant are listed, the newest: nobody pages through them. */
export const MOST_LISTED = 100;

/** The newest mail to somebody, and whether it has left. */
export type MailSent = Pick<
  Mail,
  "state" | "attempts" | "lastError" | "sentAt" | "nextAttemptAt" | "createdAt"
>;

interface Listed {
  readonly identity: Identity;
  /** Null where there was none, or it was cleared away. */
  readonly mail: MailSent | null;
}

/** An invitation as it is listed. */
export interface ListedInvitation extends Listed {
  readonly invitation: Invitation;
  readonly state: InvitationState;
}

/** A member of a tenant as they are listed. */
export interface ListedMember extends Listed {
  readonly membership: Membership;
}

/** The newest invitations of each tenant, the newest first. */
export async function listInvitations(
  em: EntityManager,
  tenantIds: readonly string[],
  now: Date,
): Promise<Map<string, ListedInvitation[]>> {
  const ids = await newestIds(em, "invitation", tenantIds);
  const rows = await em.find(InvitationEntity, { id: { $in: ids } }, { orderBy: { id: "desc" } });
  const listed = await withPeople(em, rows);
  return byTenant(
    listed.map(({ row, ...more }) => ({ invitation: row, state: stateOf(row, now), ...more })),
    ({ invitation }) => invitation.tenantId,
  );
}

/** The newest members of each tenant, the newest first; those who were invited are members already. */
export async function listMembers(
  em: EntityManager,
  tenantIds: readonly string[],
): Promise<Map<string, ListedMember[]>> {
  const ids = await newestIds(em, "membership", tenantIds);
  const rows = await em.find(MembershipEntity, { id: { $in: ids } }, { orderBy: { id: "desc" } });
  const listed = await withPeople(em, rows);
  return byTenant(
    listed.map(({ row, ...more }) => ({ membership: row, ...more })),
    ({ membership }) => membership.tenantId,
  );
}

async function newestIds(
  em: EntityManager,
  table: "invitation" | "membership",
  tenantIds: readonly string[],
): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    `select newest.id from unnest(?::uuid[]) as tenant (id), lateral (
       select id from platform.${table} where tenant_id = tenant.id order by id desc limit ${MOST_LISTED}
     ) newest`,
    [`{${tenantIds.join(",")}}`],
  );
  return rows.map(({ id }) => id);
}

async function withPeople<Row extends { id: string; identityId: string }>(
  em: EntityManager,
  rows: readonly Row[],
): Promise<(Listed & { readonly row: Row })[]> {
  const identityIds = [...new Set(rows.map((row) => row.identityId))];
  const identities = await em.find(IdentityEntity, { id: { $in: identityIds } });
  const mails = await em.find(
    MailEntity,
    { subjectId: { $in: rows.map((row) => row.id) } },
    { orderBy: { id: "asc" } },
  );
  const people = new Map(identities.map((identity) => [identity.id, identity]));
  const newest = new Map(mails.map((mail) => [mail.subjectId, mail]));
  return rows.flatMap((row) => {
    const identity = people.get(row.identityId);
    return identity ? [{ row, identity, mail: newest.get(row.id) ?? null }] : [];
  });
}

const byTenant = <One>(all: readonly One[], tenantOf: (one: One) => string): Map<string, One[]> =>
  Map.groupBy(all, tenantOf);
