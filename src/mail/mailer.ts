/** A mail that is ready to be sent; the sender's address is the mailer's own. */
export interface Message {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** The same for every attempt to send the same mail, so that a repeat can be recognised. */
  readonly messageId: string;
}

/** Sends mail. A call that returns has handed the message over; one that throws may be repeated. */
export interface Mailer {
  /** @throws Undeliverable where repeating cannot help; anything else is worth another attempt */
  send(message: Message): Promise<void>;
}

/** The mail server refused this recipient or this message for good. */
export class Undeliverable extends Error {
  override readonly name = "Undeliverable";
}
