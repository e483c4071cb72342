import { type Mailer, Undeliverable } from "./mailer.ts";

interface SmtpMailerOptions {
  /**
   * `smtp://` or `smtps://`, with the account where one is needed. STARTTLS is used where the server
   * offers it; `?requireTLS=true` insists on it. Further options of nodemailer follow the `?`.
   */
  readonly url: string;
  /** The sender, as `Name <address>`. */
  readonly from: string;
}

// Of a server that hangs; the URL's own options take their place.
const TIMEOUTS = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000 };

/** Sends through an SMTP server, one connection a message. */
export function smtpMailer({ url, from }: SmtpMailerOptions): Mailer {
  const options = { url, ...TIMEOUTS, disableFileAccess: true, disableUrlAccess: true };
  return {
    async send(message) {
      // Loaded with the first mail: a command that sends none starts the faster.
      const { createTransport } = await import("nodemailer");
      try {
        await createTransport(options).sendMail({ ...message, from });
      } catch (error) {
        throw isFinal(error) ? new Undeliverable((error as Error).message) : error;
      }
    },
  };
}

/**
 * Whether the server refused the recipient or the message itself with a 5xx (RFC 5321 section 4.2.1).
 * One that refuses our login or sender is set up wrongly, and may be mended while the mail waits.
 */
function isFinal(error: unknown): boolean {
  const { responseCode = 0, command = "" } = error as { responseCode?: number; command?: string };
  return responseCode >= 500 && (command === "RCPT TO" || command === "DATA");
}
