import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import { type Described, describedObject } from "../kernel/described.ts";
import { type Labelled, row } from "../kernel/labelled.ts";
import { MailEntity } from "../mail/mail.entity.ts";
import { lockEmail } from "./identities.ts";
import { InvitationEntity } from "./invitation.entity.ts";
import { MembershipEntity } from "./membership.entity.ts";

/** How many rows about a tenant's people were removed. */
export const RemovedPeople = describedObject(
  "RemovedPeople",
  "How much about people was removed with a tenant.",
  {
    memberships: z.int().describe("How many memberships."),
    invitations: z.int().describe("How many invitations."),
    mails: z.int().describe("How many mails, sent or not."),
    identities: z.int().describe("How many people who belonged to no other tenant."),
  },
);
export type RemovedPeople = Described<typeof RemovedPeople>;

/** How much about people was removed, for a person. */
export const peopleShown = (people: RemovedPeople | null): Labelled =>
  row(
    "people",
    people &&
      `${people.memberships} memberships, ${people.invitations} invitations, ${people.mails} mails, ${people.identities} identities removed`,
  );

/**
 * Removes, inside the caller's transaction, everybody's ties to a tenant, and those people whom no
 * other tenant knows: whoever left has a right to be forgotten (GDPR article 17). Repeatable.
 */
export async function removePeople(
  em: EntityManager,
  { tenantId }: { readonly tenantId: string },
): Promise<RemovedPeople> {
  const [invitations, memberships] = [
    await em.find(InvitationEntity, { tenantId }),
    await em.find(MembershipEntity, { tenantId }),
  ];
  const ties = [...invitations, ...memberships];
  const ids = ties.map(({ id }) => id);
  const people = [...new Set(ties.map(({ identityId }) => identityId))];
  // A mail that is being sent holds its row: this waits for it.
  const mails = await em.nativeDelete(MailEntity, { subjectId: { $in: ids } });
  await em.remove(ties).flush();
  return {
    memberships: memberships.length,
    invitations: invitations.length,
    mails,
    identities: await removeUnknown(em, people),
  };
}

const UNKNOWN = `
  identity.id = any (?::uuid[])
  and not exists (select from platform.membership where identity_id = identity.id)
  and not exists (select from platform.invitation where identity_id = identity.id)`;

/** Removes those identities that no tenant has ties to, holding their emails against new ties. */
async function removeUnknown(em: EntityManager, identityIds: readonly string[]): Promise<number> {
  if (identityIds.length === 0) return 0;
  const ids = `{${identityIds.join(",")}}`;
  const found = await em.execute<{ email: string }[]>(
    `select email from platform.identity where ${UNKNOWN} order by email`,
    [ids],
  );
  for (const { email } of found) await lockEmail(em, email);
  const removed = await em.execute<unknown[]>(
    `delete from platform.identity where ${UNKNOWN} returning id`,
    [ids],
  );
  return removed.length;
}
