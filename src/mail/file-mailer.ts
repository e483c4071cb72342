import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../kernel/clock.ts";
import { type Mailer, type Message, withHeaders } from "./mailer.ts";

interface FileMailerOptions {
  /** The messages go to `<dataDir>/mail/`. */
  readonly dataDir: string;
  /** The sender, as `Name <address>`. */
  readonly from: string;
  readonly clock: Clock;
}

/**
 * Writes each message as an RFC 5322 file `<time>-<mail id>.eml`: for development, where there is
 * nobody to send mail. The files hold invitation links, so only their owner may read them.
 */
export function fileMailer({ dataDir, from, clock }: FileMailerOptions): Mailer {
  const folder = join(dataDir, "mail");
  return {
    async send(message) {
      // Loaded with the first mail: a command that sends none starts the faster.
      const { default: MailComposer } = await import("nodemailer/lib/mail-composer");
      const date = clock();
      const eml = await new MailComposer({ ...withHeaders(message, from), date }).compile().build();
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeWhole(join(folder, fileName(message, date)), eml);
    },
  };
}

function fileName({ id }: Message, date: Date): string {
  const time = date.toISOString().replace(/[-:]/g, "").replace(".", "");
  return `${time}-${id.replace(/[^\w-]/g, "_")}.eml`;
}

/** Writes a file so that nobody ever sees a part of it. */
async function writeWhole(file: string, content: Buffer): Promise<void> {
  const draft = `${file}.part`;
  const handle = await open(draft, "w", 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
    await handle.close();
    await rename(draft, file);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(draft, { force: true });
    throw error;
  }
}
