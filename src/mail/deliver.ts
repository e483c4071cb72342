import { LockMode } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Clock } from "../kernel/clock.ts";
import { type Mail, MailEntity } from "./mail.entity.ts";
import type { Mailer } from "./mailer.ts";
import { MailContent, render } from "./templates.ts";

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const MOST_ATTEMPTS = 10;

/**
 * Answers where a mail leads, at the moment it is sent, or null when it must not be sent any more.
 * Runs inside the transaction that sends it.
 */
export type LinkOf = (em: EntityManager, content: MailContent) => Promise<string | null>;

interface DeliveryPorts {
  /** Forked for every mail. */
  readonly em: EntityManager;
  readonly mailer: Mailer;
  readonly linkOf: LinkOf;
  readonly clock: Clock;
}

/** How many mails met which end. */
export interface Delivery {
  readonly sent: number;
  readonly failed: number;
  readonly revoked: number;
}

/**
 * Sends the mails that are due, at most `limit`, the oldest first; several processes may do so at
 * once. Each mail is sent in a transaction of its own, which holds its row: a crash repeats one mail
 * at most, under the same Message-ID. A failure is noted and tried again later, ten times over some
 * three hours.
 */
export async function deliverPendingMail(
  ports: DeliveryPorts,
  { limit }: { readonly limit: number },
): Promise<Delivery> {
  const counts = { sent: 0, failed: 0, revoked: 0 };
  for (let taken = 0; taken < limit; taken++) {
    const end = await ports.em.fork().transactional(async (em) => {
      const mail = await takeDue(em, ports.clock());
      return mail && (await deliver({ ...ports, em }, mail));
    });
    if (end === null) break;
    counts[end]++;
  }
  return counts;
}

const takeDue = (em: EntityManager, now: Date) =>
  em.findOne(
    MailEntity,
    { state: "PENDING", nextAttemptAt: { $lte: now } },
    { orderBy: { nextAttemptAt: "asc" }, lockMode: LockMode.PESSIMISTIC_PARTIAL_WRITE },
  );

async function deliver(
  { em, mailer, linkOf, clock }: DeliveryPorts,
  mail: Mail,
): Promise<keyof Delivery> {
  const read = MailContent.safeParse({ template: mail.template, params: mail.params });
  if (!read.success) {
    Object.assign(mail, { state: "FAILED", lastError: "the template does not know these params" });
    return "failed";
  }
  const content = read.data;
  const link = await linkOf(em, content);
  if (link === null) {
    mail.state = "REVOKED";
    return "revoked";
  }
  try {
    const messageId = `<${mail.id}@tenantry>`;
    await mailer.send({ to: mail.recipient, messageId, ...render(content, link) });
  } catch (error) {
    Object.assign(mail, afterFailure(mail.attempts + 1, clock()), { lastError: told(error, link) });
    return "failed";
  }
  Object.assign(mail, {
    ...{ state: "SENT", attempts: mail.attempts + 1, sentAt: clock(), lastError: null },
  });
  return "sent";
}

/** What becomes of a mail after its `attempts`th failure. */
export function afterFailure(attempts: number, now: Date) {
  if (attempts >= MOST_ATTEMPTS) return { attempts, state: "FAILED" } as const;
  const pause = Math.min(20 * SECOND * 2 ** (attempts - 1), HOUR);
  return { attempts, nextAttemptAt: new Date(now.getTime() + pause) } as const;
}

/** A failure in words that may be kept: a mail server can quote the message, and with it the link. */
function told(error: unknown, link: string): string {
  const text = error instanceof Error ? error.message : "unknown failure";
  const token = /token=([^&\s]+)/.exec(link)?.[1] ?? link;
  return text.replaceAll(link, "…").replaceAll(token, "…").slice(0, 500);
}
