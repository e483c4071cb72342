import { createHash, createHmac, randomBytes } from "node:crypto";
import { spellOneTimePassword } from "../iam/sign-in/one-time-password.ts";
import { ensureKey, type KeyPorts, keySecret } from "../iam/tokens/key-record.ts";

/**
 * Derives what lets somebody in from the id of their invitation or reset, so that nothing of it is ever
 * stored and a mail that is sent late or twice holds the same link.
 */
export interface InvitationCredentials {
  /** The token of the invitation's link: `<id>.<mac>`, another one each time that it is sent. */
  token(invitationId: string, timesSent?: number): string;
  /** The one-time password: 20 characters. */
  oneTimePassword(invitationId: string): string;
  /** The token of the link for a new password: `<id>.<mac>`. */
  resetToken(resetId: string): string;
  /** A key to encrypt with, 32 bytes: of each purpose its own. */
  sealingKey(purpose: string): Buffer;
}

/** The form in which a link's token is kept. */
export const hashLinkToken = (token: string): string =>
  createHash("sha256").update(token).digest("hex");

/**
 * Opens the platform's invitation key; the very first to open it makes it.
 *
 * @throws DomainError E_SECRET_STORE when the key cannot be read
 */
export async function openInvitationCredentials(ports: KeyPorts): Promise<InvitationCredentials> {
  const record = await ensureKey(ports, "INVITATION", async () => ({
    id: randomBytes(12).toString("hex"),
    publicJwk: null,
    secret: randomBytes(32).toString("base64"),
  }));
  const key = Buffer.from(await keySecret(ports.secrets, record), "base64");
  // The purpose is part of what is signed: one of them must tell nothing of another.
  const mac = (purpose: string, id: string) =>
    createHmac("sha256", key).update(`${purpose}\n${id}`).digest();
  return {
    token: (id, timesSent = 1) => {
      const sending = timesSent === 1 ? id : `${id}\n${timesSent}`;
      return `${id}.${mac("invitation-token", sending).toString("base64url")}`;
    },
    oneTimePassword: (id) => spellOneTimePassword(mac("one-time-password", id)),
    resetToken: (id) => `${id}.${mac("reset-token", id).toString("base64url")}`,
    sealingKey: (purpose) => mac("sealing-key", purpose),
  };
}
