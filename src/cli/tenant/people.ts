import type { EntityManager } from "../../database/orm.ts";
import { authorize } from "../../iam/grants.ts";
import { parseEmail } from "../../iam/users/email.ts";
import { inviteTenantAdmin } from "../../invitations/invite-tenant-admin.ts";
import { removeMembership, resendInvitation, revokeInvitation } from "../../invitations/manage.ts";
import { TENANT_ROLES } from "../../invitations/membership.entity.ts";
import {
  type ListedInvitation,
  type ListedMember,
  listInvitations,
  listMembers,
  type MailSent,
} from "../../invitations/people.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import type { Platform } from "../../platform.ts";
import { tenantBySlug } from "../../tenants/registry.ts";
import { type PlatformSession, runOnPlatform } from "../session.ts";
import { EXIT, UsageError } from "../terminal/exit-codes.ts";
import { oneOf } from "../terminal/flag-values.ts";
import { writeTable } from "../terminal/table.ts";

/** The flags of `tenant invitation …` and `tenant member …`. */
export interface PeopleFlags {
  readonly slug: string;
  readonly email?: string;
  readonly json?: boolean;
}

/** The flags of `tenant invitation send`. */
export interface InviteFlags extends PeopleFlags {
  readonly email: string;
  readonly name?: string;
  readonly role: string;
  readonly allowExistingUser?: boolean;
}

/** `tenantry tenant invitation list`. */
export const listTenantInvitations = (flags: PeopleFlags): Promise<void> =>
  runOnPlatform(flags, async (session) => {
    authorize(session.actor, "member:read");
    const found = await invitationsOf(session.platform, flags.slug);
    if (flags.json) for (const one of found) session.out.json(invitationJson(one));
    else if (found.length === 0) session.out.note("No invitations.");
    else {
      const heading = ["EMAIL", "ROLE", "STATE", "EXPIRES", "MAIL", "NAME"];
      writeTable(
        session.out,
        heading,
        found.map(({ invitation, identity, state, mail }) => [
          identity.email,
          invitation.role,
          state,
          minute(invitation.expiresAt),
          mailWords(mail),
          identity.name ?? "",
        ]),
      );
    }
    return EXIT.ok;
  });

/** `tenantry tenant invitation send`. */
export async function sendInvitation(flags: InviteFlags): Promise<void> {
  const { slug, email, name = null, allowExistingUser = false } = flags;
  const role = oneOf("--role", flags.role, TENANT_ROLES);
  const input = { slug, email, name, role, allowExistingUser };
  return await runOnPlatform(flags, async (session) => {
    await session.platform.openKeys();
    await inviteTenantAdmin(portsOf(session), session.actor, input);
    return tell(session, flags, email, "is invited; the mail leaves with the next worker");
  });
}

/** `tenantry tenant invitation resend`. */
export const resendTenantInvitation = (flags: PeopleFlags): Promise<void> =>
  runOnPlatform(flags, async (session) => {
    const { invitation, identity } = await chosen(session, flags);
    await session.platform.openKeys();
    await resendInvitation(portsOf(session), session.actor, invitation.id);
    return tell(session, flags, identity.email, "gets a new link with the next worker");
  });

/** `tenantry tenant invitation revoke`. */
export const revokeTenantInvitation = (flags: PeopleFlags): Promise<void> =>
  runOnPlatform(flags, async (session) => {
    const { invitation, identity } = await chosen(session, flags);
    await revokeInvitation(portsOf(session), session.actor, invitation.id);
    return tell(session, flags, identity.email, "is invited no more");
  });

/** `tenantry tenant member list`. */
export const listTenantMembers = (flags: PeopleFlags): Promise<void> =>
  runOnPlatform(flags, async (session) => {
    authorize(session.actor, "member:read");
    const found = await membersOf(session.platform, flags.slug);
    if (flags.json) for (const one of found) session.out.json(memberJson(one));
    else if (found.length === 0) session.out.note("No members.");
    else {
      writeTable(
        session.out,
        ["EMAIL", "ROLE", "SINCE", "SIGNED IN", "NAME"],
        found.map(({ membership, identity }) => [
          identity.email,
          membership.role,
          minute(membership.createdAt),
          identity.lastSignedInAt ? minute(identity.lastSignedInAt) : "never",
          identity.name ?? "",
        ]),
      );
    }
    return EXIT.ok;
  });

/** `tenantry tenant member remove`. */
export const removeTenantMember = (flags: InviteFlags): Promise<void> =>
  runOnPlatform(flags, async (session) => {
    const email = parseEmail(flags.email);
    const members = await membersOf(session.platform, flags.slug);
    const found = members.find(({ identity }) => identity.email === email);
    if (!found) throw new DomainError("E_MEMBERSHIP_NOT_FOUND");
    await removeMembership(portsOf(session), session.actor, found.membership.id);
    return tell(session, flags, email, "is no member any more");
  });

/** The newest invitation of the email that was named, or the only one that is open. */
async function chosen(
  { platform }: PlatformSession,
  { slug, email }: PeopleFlags,
): Promise<ListedInvitation> {
  const all = await invitationsOf(platform, slug);
  const wanted = email === undefined ? null : parseEmail(email);
  const found = all.filter(({ identity, state }) =>
    wanted === null ? state === "PENDING" || state === "EXPIRED" : identity.email === wanted,
  );
  if (wanted === null && found.length > 1) {
    throw new UsageError(`There are ${found.length} open invitations: name one with --email`);
  }
  const [newest] = found;
  if (!newest) throw new DomainError("E_INVITATION_NOT_FOUND");
  return newest;
}

async function invitationsOf({ orm, clock }: Platform, slug: string) {
  const em = orm.em.fork() as EntityManager;
  const { id } = await tenantBySlug(em, slug);
  return (await listInvitations(em, [id], clock())).get(id) ?? [];
}

async function membersOf({ orm }: Platform, slug: string) {
  const em = orm.em.fork() as EntityManager;
  const { id } = await tenantBySlug(em, slug);
  return (await listMembers(em, [id])).get(id) ?? [];
}

const portsOf = ({ platform: { orm, queue, clock, credentials } }: PlatformSession) => ({
  ...{ em: orm.em as EntityManager, queue, clock, credentials },
});

function tell(
  { out }: PlatformSession,
  { slug, json }: PeopleFlags,
  email: string,
  how: string,
): number {
  if (json) out.json({ type: "RESULT", slug, email });
  else out.line(`${out.style("green", "✔")} ${email} ${how}`);
  return EXIT.ok;
}

const minute = (at: Date): string => at.toISOString().slice(0, 16).replace("T", " ");

const mailWords = (mail: MailSent | null): string =>
  [mail?.state ?? "none", mail?.lastError].filter(Boolean).join(": ");

const mailJson = (mail: MailSent | null) =>
  mail && { state: mail.state, attempts: mail.attempts, problem: mail.lastError ?? null };

const invitationJson = ({ invitation, identity, state, mail }: ListedInvitation) => ({
  id: invitation.id,
  email: identity.email,
  name: identity.name ?? null,
  role: invitation.role,
  kind: invitation.kind,
  state,
  timesSent: invitation.timesSent,
  createdAt: invitation.createdAt,
  expiresAt: invitation.expiresAt,
  acceptedAt: invitation.acceptedAt,
  revokedAt: invitation.revokedAt,
  mail: mailJson(mail),
});

const memberJson = ({ membership, identity, mail }: ListedMember) => ({
  id: membership.id,
  email: identity.email,
  name: identity.name ?? null,
  role: membership.role,
  since: membership.createdAt,
  lastSignedInAt: identity.lastSignedInAt ?? null,
  mail: mailJson(mail),
});
