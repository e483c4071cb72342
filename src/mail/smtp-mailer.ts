import type SMTPConnection from "nodemailer/lib/smtp-connection";
import { redactText } from "../kernel/redact.ts";
import { domainOf, type Mailer, Undeliverable, withHeaders } from "./mailer.ts";

interface SmtpMailerOptions {
  /**
   * `smtp://` or `smtps://`, with the account where one is needed. STARTTLS is used where the server
   * offers it; `?requireTLS=true` insists on it. Further options of nodemailer follow the `?`.
   */
  readonly url: string;
  /** The sender, as `Name <address>`. */
  readonly from: string;
  /** The longest that one mail may take, in milliseconds; a minute unless told. */
  readonly within?: number;
}

// Of a server that hangs, or that talks and talks; the URL's own options take their place.
const BOUNDS = {
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  socketTimeout: 20_000,
  maxResponseSize: 65_536,
};

/**
 * Sends through an SMTP server, one connection a message, which ends politely. Greets with the sender's
 * domain: the name of a container's host means nothing to a mail filter.
 */
export function smtpMailer({ url, from, within = 60_000 }: SmtpMailerOptions): Mailer {
  return {
    async send(message) {
      // Loaded with the first mail: a command that sends none starts the faster.
      const [{ default: Connection }, { default: Composer }, { parseConnectionUrl }] =
        await Promise.all([
          import("nodemailer/lib/smtp-connection"),
          import("nodemailer/lib/mail-composer"),
          import("nodemailer/lib/shared"),
        ]);
      const options = { ...BOUNDS, name: domainOf(from), ...parseConnectionUrl(url) };
      const mail = new Composer(withHeaders(message, from)).compile();
      const { auth, authMethod: method } = options as typeof options & { authMethod?: string };
      const login = auth && { credentials: auth, ...(method ? { method } : {}) };
      const connection = new Connection(options);
      const { promise: late, reject } = Promise.withResolvers<never>();
      // A server that sends a byte now and then is never silent for long.
      const timer = setTimeout(() => {
        reject(new Error(`The mail server has not taken the mail within ${within / 1000} s`));
        connection.close();
      }, within);
      connection.on("error", reject);
      try {
        const sending = converse(connection, login, mail.getEnvelope(), await mail.build());
        await Promise.race([sending, late]);
      } catch (error) {
        throw told(error, url);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

type Envelope = Parameters<SMTPConnection["send"]>[0];

/** Says what there is to say, and then goodbye, also to a server that has refused. */
async function converse(
  connection: SMTPConnection,
  login: Parameters<SMTPConnection["login"]>[0],
  envelope: Envelope,
  mail: Buffer,
): Promise<void> {
  const done = <T>(ask: (answer: (error?: Error | null) => void) => T) =>
    new Promise<void>((resolve, reject) => {
      ask((error) => (error ? reject(error) : resolve()));
    });
  await done((answer) => connection.connect(answer));
  try {
    if (login && connection.allowsAuth) {
      await done((answer) => connection.login(login, answer));
    }
    await done((answer) => connection.send(envelope, mail, answer));
  } finally {
    connection.quit();
  }
}

/** The failure in words that may be kept and logged: a server can answer with what it was sent. */
function told(error: unknown, url: string): Error {
  const { username, password } = new URL(url);
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const sent = pass === "" ? [] : [base64(`\0${user}\0${pass}`), base64(pass), pass, password];
  const message = sent.reduce(
    (text, secret) => text.replaceAll(secret, "***"),
    redactText(error instanceof Error ? error.message : "unknown failure"),
  );
  return isFinal(error) ? new Undeliverable(message) : new Error(message);
}

/**
 * Whether the server refused the recipient or the message itself with a 5xx (RFC 5321 section 4.2.1).
 * One that refuses our login or sender is set up wrongly, and may be mended while the mail waits.
 */
function isFinal(error: unknown): boolean {
  const { responseCode = 0, command = "" } = error as { responseCode?: number; command?: string };
  return responseCode >= 500 && (command === "RCPT TO" || command === "DATA");
}
