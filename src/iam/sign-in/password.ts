import { randomBytes } from "node:crypto";
import { hash, verify } from "@node-rs/argon2";
import pLimit from "p-limit";
import { DomainError } from "../../kernel/domain-error.ts";
import { isKnownPassword } from "./known-passwords.ts";

const SHORTEST = 12;
const LONGEST = 128;
// In code units before they are normalised: a megabyte costs nothing to refuse.
const LONGEST_LOOKED_AT = 4 * LONGEST;

// argon2id (the package's default) with the parameters of OWASP's Password Storage Cheat Sheet.
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

// 19 MiB and a thread each: one of libuv's four stays free for files and names of hosts.
const limit = pLimit(3);

const base64 = (bytes: number) => randomBytes(bytes).toString("base64").replaceAll("=", "");

// Costs as much to verify as a real hash, and no password is known to match it.
const NOBODYS_HASH = `$argon2id$v=19$m=${COST.memoryCost},t=${COST.timeCost},p=${COST.parallelism}$${base64(16)}$${base64(32)}`;

// The same password typed on another keyboard may arrive in other code points (NIST SP 800-63B).
const normalize = (password: string) => password.normalize("NFKC");

/** What a new password has to be, for whoever chooses one. */
export const NEW_PASSWORD = `${SHORTEST} to ${LONGEST} characters, not a known password, not built from the email address.`;

/**
 * Lets a new password pass that keeps the rules: 12 to 128 characters, not among the known ones,
 * not the email it belongs to (NIST SP 800-63B: length and a blocklist, no rules of composition).
 *
 * @throws DomainError E_WEAK_PASSWORD saying which rule is broken, never the password
 */
export function checkNewPassword(password: string, email: string): void {
  const normalized = normalize(password.slice(0, LONGEST_LOOKED_AT));
  const length = [...normalized].length;
  if (length < SHORTEST || length > LONGEST || password.length > LONGEST_LOOKED_AT) {
    throw weak(`The password must have ${SHORTEST} to ${LONGEST} characters.`);
  }
  if (isKnownPassword(normalized)) {
    throw weak("The password is among those that are tried first: choose another.");
  }
  const account = email.split("@", 1)[0] ?? "";
  const lower = normalized.toLowerCase();
  if (lower.includes(email.toLowerCase()) || (account.length > 3 && lower.startsWith(account))) {
    throw weak("The password must not be built from the email address.");
  }
}

const weak = (message: string) => new DomainError("E_WEAK_PASSWORD", { message });

/** Hashes a password with argon2id under a fresh salt; takes some 30 ms of one core. */
export const hashPassword = (password: string): Promise<string> =>
  limit(() => hash(normalize(password), COST));

/**
 * Tells whether a password matches a hash. Without a hash (no such account, or no password yet) it
 * takes as long and answers false.
 */
export async function verifyPassword(
  passwordHash: string | null,
  password: string,
): Promise<boolean> {
  const normalized = normalize(password.slice(0, LONGEST_LOOKED_AT));
  const possible = passwordHash !== null && [...normalized].length <= LONGEST;
  const matches = await limit(() => verify(possible ? passwordHash : NOBODYS_HASH, normalized));
  return possible && matches;
}
