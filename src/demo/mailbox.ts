import { watch } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { PlainFailure } from "../cli/terminal/exit-codes.ts";

const ARRIVES_WITHIN_MS = 20_000;
const LINK = /https?:\/\/\S+\/accept-invitation\?token=([\w.-]+)/;

/** A folder that mail is written to, watched from now on. */
export interface Mailbox extends Disposable {
  /** Waits for a mail to this recipient, and answers the token of the invitation link in it. */
  invitationTokenFor(recipient: string): Promise<string>;
}

/** Watches the folder for mail that comes from now on. */
export async function openMailbox(folder: string): Promise<Mailbox> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const seen = new Set(await readdir(folder));
  let changed = Promise.withResolvers<void>();
  const watcher = watch(folder, () => changed.resolve());

  const look = async (recipient: string): Promise<string | null> => {
    for (const name of await readdir(folder)) {
      if (seen.has(name) || !name.endsWith(".eml")) continue;
      const mail = await readFile(join(folder, name), "utf8");
      seen.add(name);
      const token = isTo(mail, recipient) && LINK.exec(decodeQuotedPrintable(mail))?.[1];
      if (token) return token;
    }
    return null;
  };
  return {
    invitationTokenFor: async (recipient) => {
      const late = AbortSignal.timeout(ARRIVES_WITHIN_MS);
      late.addEventListener("abort", () => changed.resolve());
      while (!late.aborted) {
        changed = Promise.withResolvers();
        const token = await look(recipient);
        if (token !== null) return token;
        await changed.promise;
      }
      throw new PlainFailure(`No invitation for ${recipient} came into ${folder}`);
    },
    [Symbol.dispose]: () => watcher.close(),
  };
}

const isTo = (mail: string, recipient: string): boolean =>
  mail
    .split(/\r?\n\r?\n/, 1)[0]
    ?.toLowerCase()
    .includes(`to: ${recipient}`) ?? false;

/** Undoes the encoding of RFC 2045 section 6.7, as far as a link in ASCII needs it. */
const decodeQuotedPrintable = (text: string): string =>
  text
    .replace(/=\r?\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_all, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
