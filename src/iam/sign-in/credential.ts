import type { PlatformUser } from "../users/platform-user.entity.ts";
import { newOneTimePassword, ONE_TIME_PASSWORD_LIFETIME } from "./one-time-password.ts";
import { checkNewPassword, hashPassword } from "./password.ts";

/** What a user's row keeps of a password. */
export type Credential = Pick<
  PlatformUser,
  "passwordHash" | "mustChangePassword" | "oneTimePasswordExpiresAt"
>;

/**
 * Makes the credential of a password that was chosen.
 *
 * @throws DomainError E_WEAK_PASSWORD
 */
export async function chosenCredential(password: string, email: string): Promise<Credential> {
  checkNewPassword(password, email);
  const passwordHash = await hashPassword(password);
  return { passwordHash, mustChangePassword: false, oneTimePasswordExpiresAt: null };
}

/** Makes a one-time password, to be changed within 72 hours, with its credential. */
export async function oneTimeCredential(
  now: Date,
): Promise<{ readonly oneTimePassword: string; readonly credential: Credential }> {
  const oneTimePassword = newOneTimePassword();
  const passwordHash = await hashPassword(oneTimePassword);
  const expiresAt = new Date(now.getTime() + ONE_TIME_PASSWORD_LIFETIME);
  const credential = {
    passwordHash,
    mustChangePassword: true,
    oneTimePasswordExpiresAt: expiresAt,
  };
  return { oneTimePassword, credential };
}
