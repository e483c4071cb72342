import { domainToASCII } from "node:url";

/** A mail that is ready to be sent; the sender's address is the mailer's own. */
export interface Message {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** The mail's id: its Message-ID is the same for every attempt, so that a repeat can be recognised. */
  readonly id: string;
}

/** Sends mail. A call that returns has handed the message over; one that throws may be repeated. */
export interface Mailer {
  /** @throws Undeliverable where repeating cannot help; anything else is worth another attempt */
  send(message: Message): Promise<void>;
}

/** The domain of a sender, `Name <address>`, as DNS has it. */
export function domainOf(from: string): string {
  const [, domain = ""] = /@([^@<>\s]+)>?\s*$/.exec(from) ?? [];
  return domainToASCII(domain) || "localhost";
}

/** A message with all of its headers: a machine wrote it, and no absence note is wanted. */
export const withHeaders = ({ id, ...content }: Message, from: string) => ({
  ...content,
  from,
  messageId: `<${id}@${domainOf(from)}>`,
  headers: { "Auto-Submitted": "auto-generated" },
  disableFileAccess: true,
  disableUrlAccess: true,
});

/** The mail server refused this recipient or this message for good. */
export class Undeliverable extends Error {
  override readonly name = "Undeliverable";
}
