import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** An encrypted value: its nonce, and the ciphertext followed by the authentication tag. */
export interface Sealed {
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
}

/** Encrypts `value` with AES-256-GCM under a fresh nonce; `context` must be given again to open it. */
export function seal(key: Buffer, context: string, value: string): Sealed {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(context));
  const parts = [cipher.update(value, "utf8"), cipher.final(), cipher.getAuthTag()];
  return { nonce, ciphertext: Buffer.concat(parts) };
}

/** Decrypts what `seal` made; null when key or context is another, or a byte was changed. */
export function unseal(key: Buffer, context: string, sealed: Sealed): string | null {
  const end = sealed.ciphertext.length - TAG_BYTES;
  if (end < 0) return null;
  try {
    const decipher = createDecipheriv(ALGORITHM, key, sealed.nonce, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(context))
      .setAuthTag(sealed.ciphertext.subarray(end));
    return (
      decipher.update(sealed.ciphertext.subarray(0, end), undefined, "utf8") +
      decipher.final("utf8")
    );
  } catch {
    return null;
  }
}
