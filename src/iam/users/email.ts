import { domainToASCII } from "node:url";
import { z } from "zod";
import { fieldFault } from "../../kernel/input.ts";

const LONGEST = 254;
const Email = z.email();

/**
 * Answers the form in which an email is kept and compared: trimmed, lower case, in composed letters, its
 * domain as DNS has it (RFC 5891): `jörg@bücher.example` is `jörg@xn--bcher-kva.example`.
 */
export function normalizeEmail(raw: string): string {
  const email = raw.trim().normalize("NFC").toLowerCase();
  const at = email.lastIndexOf("@") + 1;
  const domain = email.slice(at);
  if (at === 0 || !/\P{ASCII}/u.test(domain)) return email;
  return email.slice(0, at) + (domainToASCII(domain) || domain);
}

/** Whether a normalised text has the form of an email; letters of any script may stand before the `@` (RFC 6531). */
export function isEmail(text: string): boolean {
  if (text.length > LONGEST) return false;
  const at = text.lastIndexOf("@");
  const letters = text.slice(0, at).replace(/(?!\p{ASCII})[\p{L}\p{M}\p{N}]/gu, "x");
  const domain = text.slice(at).replace(/\.xn--[a-z0-9-]+$/, ".example");
  return Email.safeParse(letters + domain).success;
}

/**
 * Parses an email into the form in which it is kept.
 *
 * @throws DomainError E_VALIDATION naming the field `email`
 */
export function parseEmail(raw: string): string {
  const email = normalizeEmail(raw);
  if (!isEmail(email)) throw fieldFault("email", "is not an email address");
  return email;
}

/** An email in an input, in the form in which it is kept. */
export const emailField = z
  .string()
  .transform(normalizeEmail)
  .refine(isEmail, "must be an email address");
