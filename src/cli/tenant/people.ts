import type {
  CommandListInvitationsQuery,
  CommandListMembersQuery,
  CommandMailFragment,
  TenantBy,
  TypedDocumentString,
} from "../../client/generated/graphql.ts";
import { parseEmail } from "../../iam/users/email.ts";
import { TENANT_ROLES } from "../../invitations/membership.entity.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { type Connection, firstNodes, payloadOf } from "../api/api.ts";
import { openKeys, runAnywhere, type Session } from "../session.ts";
import { EXIT, UsageError } from "../terminal/exit-codes.ts";
import { oneOf } from "../terminal/flag-values.ts";
import { minuteOf, writeTable } from "../terminal/table.ts";
import {
  InviteTenantAdmin,
  ListInvitations,
  ListMembers,
  RemoveMembership,
  ResendInvitation,
  RevokeInvitation,
} from "./people-documents.ts";

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
  runAnywhere(flags, async (session) => {
    const found = await invitationsOf(session, flags.slug);
    if (flags.json) for (const one of found) session.out.json(personJson(one));
    else if (found.length === 0) session.out.note("No invitations.");
    else {
      const heading = ["EMAIL", "ROLE", "STATE", "EXPIRES", "MAIL", "NAME"];
      writeTable(
        session.out,
        heading,
        found.map(({ identity, role, state, expiresAt, mail }) => [
          identity.email,
          role,
          state,
          minuteOf(expiresAt),
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
  const input = { tenant: { slug }, email, name, role, allowExistingUser };
  return await runAnywhere(flags, async (session) => {
    await openKeys(session);
    payloadOf((await session.api.execute(InviteTenantAdmin, { input })).changed);
    return tell(session, flags, email, "is invited; the mail leaves with the next worker");
  });
}

/** `tenantry tenant invitation resend`. */
export const resendTenantInvitation = (flags: PeopleFlags): Promise<void> =>
  runAnywhere(flags, async (session) => {
    const { id, identity } = await chosen(session, flags);
    await openKeys(session);
    payloadOf((await session.api.execute(ResendInvitation, { id })).changed);
    return tell(session, flags, identity.email, "gets a new link with the next worker");
  });

/** `tenantry tenant invitation revoke`. */
export const revokeTenantInvitation = (flags: PeopleFlags): Promise<void> =>
  runAnywhere(flags, async (session) => {
    const { id, identity } = await chosen(session, flags);
    payloadOf((await session.api.execute(RevokeInvitation, { id })).changed);
    return tell(session, flags, identity.email, "is invited no more");
  });

/** `tenantry tenant member list`. */
export const listTenantMembers = (flags: PeopleFlags): Promise<void> =>
  runAnywhere(flags, async (session) => {
    const found = await membersOf(session, flags.slug);
    if (flags.json) for (const one of found) session.out.json(personJson(one));
    else if (found.length === 0) session.out.note("No members.");
    else {
      writeTable(
        session.out,
        ["EMAIL", "ROLE", "SINCE", "SIGNED IN", "NAME"],
        found.map(({ identity, role, since, lastSignedInAt }) => [
          identity.email,
          role,
          minuteOf(since),
          minuteOf(lastSignedInAt) || "never",
          identity.name ?? "",
        ]),
      );
    }
    return EXIT.ok;
  });

/** `tenantry tenant member remove`. */
export const removeTenantMember = (flags: InviteFlags): Promise<void> =>
  runAnywhere(flags, async (session) => {
    const email = parseEmail(flags.email);
    const members = await membersOf(session, flags.slug);
    const found = members.find(({ identity }) => identity.email === email);
    if (!found) throw new DomainError("E_MEMBERSHIP_NOT_FOUND");
    payloadOf((await session.api.execute(RemoveMembership, { id: found.id })).changed);
    return tell(session, flags, email, "is no member any more");
  });

/** The newest invitation of the email that was named, or the only one that is open. */
async function chosen(session: Session, { slug, email }: PeopleFlags): Promise<ListedInvitation> {
  const all = await invitationsOf(session, slug);
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

type People<Query extends { tenant: { people: { nodes: unknown[] } | null } | null }> = NonNullable<
  NonNullable<Query["tenant"]>["people"]
>["nodes"][number];
type ListedInvitation = People<CommandListInvitationsQuery>;
type ListedMember = People<CommandListMembersQuery>;

const invitationsOf = (session: Session, slug: string) => peopleOf(session, slug, ListInvitations);

const membersOf = (session: Session, slug: string) => peopleOf(session, slug, ListMembers);

/** All of them, page by page. @throws DomainError E_TENANT_NOT_FOUND */
async function peopleOf<Person>(
  { api }: Session,
  slug: string,
  document: TypedDocumentString<
    { tenant: { people: Connection<Person> | null } | null },
    { by: TenantBy; first: number; after?: string | null }
  >,
): Promise<readonly Person[]> {
  const { nodes } = await firstNodes(Number.POSITIVE_INFINITY, async (page) => {
    const { tenant } = await api.execute(document, { by: { slug }, ...page });
    if (tenant) return tenant.people ?? NOBODY;
    throw new DomainError("E_TENANT_NOT_FOUND", { message: `Tenant slug '${slug}' not found` });
  });
  return nodes;
}

/** What is told to roles that may not read people. */
const NOBODY = { nodes: [], pageInfo: { hasNextPage: false, endCursor: null } };

function tell({ out }: Session, { slug, json }: PeopleFlags, email: string, how: string): number {
  if (json) out.json({ type: "RESULT", slug, email });
  else out.line(`${out.style("green", "✔")} ${email} ${how}`);
  return EXIT.ok;
}

const mailWords = (mail: CommandMailFragment | null): string =>
  [mail?.state ?? "none", mail?.problem].filter(Boolean).join(": ");

/** Somebody's invitation or membership as scripts read it. */
const personJson = <Row extends ListedInvitation | ListedMember>({ identity, ...row }: Row) => {
  const { id, mail, ...more } = row;
  return { id, ...identity, ...more, mail };
};
