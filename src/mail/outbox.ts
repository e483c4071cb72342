import type { EntityManager } from "@mikro-orm/postgresql";
import type { Clock } from "../kernel/clock.ts";
import { newId } from "../kernel/ids.ts";
import { MailEntity } from "./mail.entity.ts";
import { MailContent } from "./templates.ts";

/** Has the outbox looked into once the caller's transaction has committed. */
export interface MailQueue {
  /** The same id is enqueued once. */
  enqueueMail(em: EntityManager, id: string): Promise<void>;
}

/** A mail to be sent, once the caller's transaction has committed. */
export type OutgoingMail = MailContent & { readonly recipient: string };

/**
 * Puts a mail into the outbox inside the caller's transaction.
 *
 * @returns the mail's id
 * @throws ZodError for params that the template does not know
 */
export function queueMail(em: EntityManager, clock: Clock, mail: OutgoingMail): string {
  const { recipient, ...rest } = mail;
  const { template, params } = MailContent.parse(rest);
  const now = clock();
  const row = em.create(MailEntity, {
    id: newId(),
    template,
    recipient,
    params,
    state: "PENDING",
    attempts: 0,
    nextAttemptAt: now,
    lastError: null,
    createdAt: now,
    sentAt: null,
    subjectId: "invitationId" in params ? params.invitationId : params.membershipId,
  });
  em.persist(row);
  return row.id;
}

/**
 * Revokes the mails about one thing that were not sent yet, inside the caller's transaction. One that
 * is being sent at this moment arrives all the same.
 */
export async function revokeMail(em: EntityManager, subjectId: string): Promise<void> {
  await em.nativeUpdate(MailEntity, { subjectId, state: "PENDING" }, { state: "REVOKED" });
}
