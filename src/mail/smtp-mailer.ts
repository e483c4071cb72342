import { createTransport } from "nodemailer";
import type { Mailer } from "./mailer.ts";

interface SmtpMailerOptions {
  /** `smtp://` or `smtps://`, with the account where one is needed. */
  readonly url: string;
  /** The sender, as `Name <address>`. */
  readonly from: string;
}

// A server that hangs must not hold the mail's row for long.
const TIMEOUTS = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000 };

/** Sends through an SMTP server, one connection a message. */
export function smtpMailer({ url, from }: SmtpMailerOptions): Mailer {
  const transport = createTransport({
    url,
    ...TIMEOUTS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send(message) {
      await transport.sendMail({ ...message, from });
    },
  };
}
