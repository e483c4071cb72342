import { createHmac, randomBytes } from "node:crypto";
import { ensureKey, type KeyPorts, keySecret } from "../../iam/tokens/key-record.ts";

/**
 * Derives an app role's password from the operation that rotates to it. Whoever does a step of that
 * operation again, another worker after a crash or one that was frozen, comes to the same password,
 * so that the role and the secret cannot be given two.
 */
export interface AppPasswords {
  /** 43 letters, digits, `-` and `_`: 256 bits that only the key yields. */
  of(operationId: string): string;
}

/**
 * Opens the key that app roles' passwords are derived from; the very first to open it makes it.
 *
 * @throws DomainError E_SECRET_STORE when the key cannot be read
 */
export async function openAppPasswords(ports: KeyPorts): Promise<AppPasswords> {
  const record = await ensureKey(ports, "APP_PASSWORD", async () => ({
    id: randomBytes(12).toString("hex"),
    publicJwk: null,
    secret: randomBytes(32).toString("base64"),
  }));
  const key = Buffer.from(await keySecret(ports.secrets, record), "base64");
  return { of: (id) => createHmac("sha256", key).update(id).digest("base64url") };
}
