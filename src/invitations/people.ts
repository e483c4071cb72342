import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import { type Described, describedObject } from "../kernel/described.ts";
import { type Mail, MailEntity, MailState } from "../mail/mail.entity.ts";
import { type Identity, IdentityEntity, Person } from "./identity.entity.ts";
import {
  InvitationEntity,
  InvitationKind,
  InvitationState,
  resendableAt,
  stateOf,
} from "./invitation.entity.ts";
import { MembershipEntity, TenantRole } from "./membership.entity.ts";

/** How many people and invitations of a tenant are listed, the newest: nobody pages through them. */
export const MOST_LISTED = 100;

/** The newest mail to somebody, and whether it has left. */
const MailSent = describedObject("TenantMail", "A mail to somebody of a tenant, on its way.", {
  state: MailState.describe("Whether it has left."),
  attempts: z.int().describe("How often it was tried to send it."),
  problem: z
    .string()
    .nullable()
    .describe("What the last attempt failed with, in the mail server's words; or null."),
  nextAttemptAt: z.date().nullable().describe("When it is tried next; null unless it is PENDING."),
  sentAt: z.date().nullable().describe("When it left; null before."),
});

/** Null also where it was cleared away. */
const mail = MailSent.nullable().describe("The newest mail about it; null when there is none.");

export const ListedInvitation = describedObject(
  "TenantInvitation",
  "How somebody without a password gets into a tenant.",
  {
    id: z.uuid().describe("The UUID of the invitation; it stays when it is sent again."),
    identity: Person.describe("Who is invited."),
    role: TenantRole.describe("What the person is to be in the tenant."),
    kind: InvitationKind.describe("How it lets in."),
    state: InvitationState.describe("Where it is in its life."),
    timesSent: z
      .int()
      .describe("How many mails with a link there were; only the newest link works."),
    mail,
    createdAt: z.date().describe("When the person was invited."),
    expiresAt: z.date().describe("Until when it can be accepted."),
    resendableAt: z
      .date()
      .nullable()
      .describe(
        "From when on it can be sent again; null where no mail was sent, and it can be at once.",
      ),
    acceptedAt: z.date().nullable().describe("When it was accepted; null before."),
    revokedAt: z.date().nullable().describe("When it was revoked; null unless it was."),
  },
);
export type ListedInvitation = Described<typeof ListedInvitation>;

export const ListedMember = describedObject(
  "TenantMember",
  "Somebody who belongs to a tenant, whether they have signed in already or not.",
  {
    id: z.uuid().describe("The UUID of the membership."),
    identity: Person.describe("Who it is."),
    role: TenantRole.describe("What they may do in the tenant."),
    since: z.date().describe("Since when they belong to it."),
    lastSignedInAt: z
      .date()
      .nullable()
      .describe("When they signed in last, to whichever tenant; null before the first time."),
    mail,
  },
);
export type ListedMember = Described<typeof ListedMember>;

/** The newest invitations of each tenant, the newest first. */
export async function listInvitations(
  em: EntityManager,
  tenantIds: readonly string[],
  now: Date,
): Promise<Map<string, ListedInvitation[]>> {
  const ids = await newestIds(em, "invitation", tenantIds);
  const rows = await em.find(InvitationEntity, { id: { $in: ids } }, { orderBy: { id: "desc" } });
  const listed = (await withPeople(em, rows)).map(({ row, ...people }) => ({
    ...{ ...row, ...people, state: stateOf(row, now), resendableAt: resendableAt(row) },
  }));
  return Map.groupBy(listed, ({ tenantId }) => tenantId);
}

/** The newest members of each tenant, the newest first; those who were invited are members already. */
export async function listMembers(
  em: EntityManager,
  tenantIds: readonly string[],
): Promise<Map<string, ListedMember[]>> {
  const ids = await newestIds(em, "membership", tenantIds);
  const rows = await em.find(MembershipEntity, { id: { $in: ids } }, { orderBy: { id: "desc" } });
  const listed = (await withPeople(em, rows)).map(({ row, ...people }) => ({
    ...{ ...row, ...people, since: row.createdAt },
    lastSignedInAt: people.identity.lastSignedInAt,
  }));
  return Map.groupBy(listed, ({ tenantId }) => tenantId);
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
): Promise<{ row: Row; identity: Identity; mail: Described<typeof mail> }[]> {
  const identityIds = [...new Set(rows.map((row) => row.identityId))];
  const identities = await em.find(IdentityEntity, { id: { $in: identityIds } });
  const mails = await em.find(
    MailEntity,
    { subjectId: { $in: rows.map((row) => row.id) } },
    { orderBy: { id: "asc" } },
  );
  const people = new Map(identities.map((identity) => [identity.id, identity]));
  const newest = new Map(mails.map((one) => [one.subjectId, shownMail(one)]));
  return rows.flatMap((row) => {
    const identity = people.get(row.identityId);
    return identity ? [{ row, identity, mail: newest.get(row.id) ?? null }] : [];
  });
}

const shownMail = ({ lastError, nextAttemptAt, ...sent }: Mail) => ({
  ...{ ...sent, problem: lastError },
  nextAttemptAt: sent.state === "PENDING" ? nextAttemptAt : null,
});
