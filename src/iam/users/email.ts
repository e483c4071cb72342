import { z } from "zod";
import { fieldFault } from "../../kernel/input.ts";

const LONGEST = 254;
const Email = z.email();

/** Answers the form in which an email is kept and compared: trimmed, lower case. */
export const normalizeEmail = (raw: string): string => raw.trim().toLowerCase();

/** Whether a normalised text has the form of an email. */
export const isEmail = (text: string): boolean =>
  text.length <= LONGEST && Email.safeParse(text).success;

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
