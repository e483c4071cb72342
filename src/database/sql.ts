import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import pg from "pg";

/** Quotes a name for SQL text: `"org_acme"`. */
export const ident = (name: string): string => pg.escapeIdentifier(name);

/** Quotes a text value for SQL text, safe with any content and any setting of the session. */
export const literal = (value: string): string => pg.escapeLiteral(value);

const SCRAM_ITERATIONS = 4096;

/**
 * Answers the SCRAM-SHA-256 verifier of a password (RFC 5803, as PostgreSQL stores it), so that the
 * password itself never reaches the server, its log or `pg_stat_activity`.
 *
 * @param password printable ASCII, for which SASLprep (RFC 4013) changes nothing
 * @param salt 16 random bytes unless a test needs known ones
 * @throws RangeError when the password holds anything but printable ASCII
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  if (!/^[\x21-\x7e]+$/.test(password)) {
    throw new RangeError("a role's password must be printable ASCII");
  }
  const salted = pbkdf2Sync(password, salt, SCRAM_ITERATIONS, 32, "sha256");
  const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
  const storedKey = createHash("sha256").update(hmac("Client Key")).digest("base64");
  const serverKey = hmac("Server Key").toString("base64");
  return `SCRAM-SHA-256$${SCRAM_ITERATIONS}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
