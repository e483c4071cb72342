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
  send(message: Message): Promise<void>;
}
