import { z } from "zod";
import { findPage, type Page, type PageRequest } from "../database/keyset.ts";
import type { EntityManager } from "../database/orm.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { type Mail, MailEntity, MailState } from "../mail/mail.entity.ts";
import { type Identity, Person } from "./identity.entity.ts";
import {
  type Invitation,
  InvitationEntity,
  InvitationKind,
  InvitationState,
  resendableAt,
  stateOf,
} from "./invitation.entity.ts";
import { type Membership, MembershipEntity, TenantRole } from "./membership.entity.ts";

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
).meta({ isNode: true });
/** An invitation, and what the API shows of it at a moment. */
export type ListedInvitation = Invitation & Described<typeof ListedInvitation>;

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
).meta({ isNode: true });
/** A membership, and what the API shows of it. */
export type ListedMember = Membership & Described<typeof ListedMember>;

/** What reading people needs: who they are and their mails are read for many of a moment at once. */
export interface PeoplePorts {
  readonly em: EntityManager;
  readonly identities: { load(id: string): Promise<Identity | null> };
  /** By the id of the invitation or membership. */
  readonly mails: { load(subjectId: string): Promise<Mail | null> };
  readonly now: Date;
}

/** A page of the invitations to a tenant, the newest first. */
export async function pageOfInvitations(
  ports: PeoplePorts,
  tenantId: string,
  page: PageRequest,
): Promise<Page<ListedInvitation>> {
  const list = { name: "invitation", entity: InvitationEntity };
  const found = await findPage(ports.em, list, { tenantId }, page);
  return { ...found, rows: await invitationsShown(ports, found.rows) };
}

/** A page of the members of a tenant, the newest first; those who were invited are members already. */
export async function pageOfMembers(
  ports: PeoplePorts,
  tenantId: string,
  page: PageRequest,
): Promise<Page<ListedMember>> {
  const list = { name: "member", entity: MembershipEntity };
  const found = await findPage(ports.em, list, { tenantId }, page);
  return { ...found, rows: await membersShown(ports, found.rows) };
}

/** Invitations as the API shows them. */
export const invitationsShown = (
  ports: PeoplePorts,
  rows: readonly Invitation[],
): Promise<ListedInvitation[]> =>
  withPeople(ports, rows, (row) => ({
    ...row,
    state: stateOf(row, ports.now),
    resendableAt: resendableAt(row),
  }));

/** Memberships as the API shows them. */
export const membersShown = (
  ports: PeoplePorts,
  rows: readonly Membership[],
): Promise<ListedMember[]> =>
  withPeople(ports, rows, (row, { lastSignedInAt }) => ({
    ...row,
    since: row.createdAt,
    lastSignedInAt,
  }));

async function withPeople<Row extends { id: string; identityId: string }, Shown>(
  { identities, mails }: PeoplePorts,
  rows: readonly Row[],
  show: (row: Row, identity: Identity) => Shown,
): Promise<(Shown & { identity: Identity; mail: Described<typeof mail> })[]> {
  const shown = rows.map(async (row) => {
    const [identity, sent] = await Promise.all([
      identities.load(row.identityId),
      mails.load(row.id),
    ]);
    if (identity === null) return [];
    return [{ ...show(row, identity), identity, mail: sent && shownMail(sent) }];
  });
  return (await Promise.all(shown)).flat();
}

/** The newest mail about each invitation or membership. */
export async function newestMails(
  em: EntityManager,
  subjectIds: readonly string[],
): Promise<(subjectId: string) => Mail | null> {
  const about = { subjectId: { $in: [...subjectIds] } };
  const mails = await em.find(MailEntity, about, { orderBy: { id: "asc" } });
  const newest = new Map(mails.map((one) => [one.subjectId, one]));
  return (subjectId) => newest.get(subjectId) ?? null;
}

const shownMail = ({ lastError, nextAttemptAt, ...sent }: Mail) => ({
  ...sent,
  problem: lastError,
  nextAttemptAt: sent.state === "PENDING" ? nextAttemptAt : null,
});
