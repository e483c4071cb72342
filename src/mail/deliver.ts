import { LockMode } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Clock } from "../kernel/clock.ts";
import { type Mail, MailEntity } from "./mail.entity.ts";
import { type Mailer, Undeliverable } from "./mailer.ts";
import { MailContent, render } from "./templates.ts";

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

/** As long as mail servers among themselves (RFC 5321 section 4.5.4.1). */
const GIVE_UP_AFTER = 4 * DAY;
/** A mail that is being sent is left alone for so long: more than the slowest sending takes. */
const CLAIM = 120 * SECOND;
/** A mail server that is away is not asked for every mail that waits. */
const MOST_FAILURES = 5;

/**
 * Answers where a mail leads, at the moment it is sent, or null when it must not be sent any more.
 * Runs in the transaction that claims the mail.
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
  /** Not sent yet; each comes back by itself. */
  readonly postponed: number;
  /** Not sent, and given up. */
  readonly failed: number;
  readonly revoked: number;
}

/** A mail that this process alone sends now. */
interface Claimed {
  readonly mail: Mail;
  readonly content: MailContent;
  readonly link: string;
}

/**
 * Sends the mails that are due, at most `limit`, the oldest first; several processes may do so at
 * once. Each is claimed, sent outside of any transaction, and then settled: a process that dies in
 * between sends the mail again under the same Message-ID. A failure is tried again later, for four
 * days; a refusal for good is not.
 */
export async function deliverPendingMail(
  ports: DeliveryPorts,
  { limit }: { readonly limit: number },
): Promise<Delivery> {
  const counts = { sent: 0, postponed: 0, failed: 0, revoked: 0 };
  for (let taken = 0; taken < limit && counts.postponed < MOST_FAILURES; taken++) {
    const claimed = await ports.em.fork().transactional((em) => claim({ ...ports, em }));
    if (claimed === null) break;
    counts[typeof claimed === "string" ? claimed : await send(ports, claimed)]++;
  }
  return counts;
}

/** When the next mail is due, which may be now; null while nothing waits. */
export async function nextDelivery(em: EntityManager): Promise<Date | null> {
  const next = await em
    .fork()
    .findOne(MailEntity, { state: "PENDING" }, { orderBy: { nextAttemptAt: "asc" } });
  return next?.nextAttemptAt ?? null;
}

/** Takes the mail that is due the longest, null when none is; the ends are those of mails not to be sent. */
async function claim({
  em,
  linkOf,
  clock,
}: DeliveryPorts): Promise<Claimed | "failed" | "revoked" | null> {
  const now = clock();
  const mail = await em.findOne(
    MailEntity,
    { state: "PENDING", nextAttemptAt: { $lte: now } },
    { orderBy: { nextAttemptAt: "asc" }, lockMode: LockMode.PESSIMISTIC_PARTIAL_WRITE },
  );
  if (mail === null) return null;
  const read = MailContent.safeParse({ template: mail.template, params: mail.params });
  if (!read.success) {
    Object.assign(mail, { state: "FAILED", lastError: "the template does not know these params" });
    return "failed";
  }
  const link = await linkOf(em, read.data);
  if (link === null) {
    mail.state = "REVOKED";
    return "revoked";
  }
  mail.attempts++;
  mail.nextAttemptAt = new Date(now.getTime() + CLAIM);
  return { mail, content: read.data, link };
}

async function send(
  { em, mailer, clock }: DeliveryPorts,
  { mail, content, link }: Claimed,
): Promise<"sent" | "postponed" | "failed"> {
  const { id, recipient, attempts } = mail;
  const settle = async (end: Partial<Mail>) => {
    // Neither what was revoked meanwhile nor what another process has claimed since.
    await em.fork().nativeUpdate(MailEntity, { id, state: "PENDING", attempts }, end);
  };
  try {
    await mailer.send({ to: recipient, id, ...render(content, link) });
  } catch (error) {
    const next = afterFailure(mail, error, clock());
    await settle({ ...next, lastError: told(error, link) });
    return "state" in next ? "failed" : "postponed";
  }
  await settle({ state: "SENT", sentAt: clock(), lastError: null });
  return "sent";
}

/** What becomes of a mail after its `attempts`th attempt has failed. */
export function afterFailure(
  { attempts, createdAt }: Pick<Mail, "attempts" | "createdAt">,
  error: unknown,
  now: Date,
) {
  const pause = Math.min(20 * SECOND * 2 ** (attempts - 1), HOUR);
  const next = now.getTime() + pause;
  return error instanceof Undeliverable || next > createdAt.getTime() + GIVE_UP_AFTER
    ? ({ state: "FAILED" } as const)
    : ({ nextAttemptAt: new Date(next) } as const);
}

/** A failure in words that may be kept: a mail server can quote the message, and with it the link. */
function told(error: unknown, link: string): string {
  const text = error instanceof Error ? error.message : "unknown failure";
  const token = /token=([^&\s]+)/.exec(link)?.[1] ?? link;
  return text.replaceAll(link, "…").replaceAll(token, "…").slice(0, 500);
}
