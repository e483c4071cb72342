import type { AuditActor } from "../../audit/record.ts";
import { serialise } from "../../database/locks.ts";
import { parseEmail } from "./email.ts";
import { PlatformUserEntity } from "./platform-user.entity.ts";
import { credentialOf, insertPlatformUser, type PlatformUserPorts } from "./platform-users.ts";

const SYSTEM: AuditActor = { kind: "SYSTEM", id: "system", name: "first start", address: null };

interface FirstAdmin {
  readonly email: string;
  /** Absent, a one-time password is made, which must be changed within 72 hours. */
  readonly password?: string | undefined;
}

/**
 * Creates the first administrator when there is no platform user at all; of processes that do so at
 * once, one creates.
 *
 * @returns null when there is a user already; else the email, and the one-time password where none
 *   was configured: shown now and never again
 * @throws DomainError E_VALIDATION for the email; E_WEAK_PASSWORD for a configured password
 */
export async function ensureFirstAdmin(
  ports: PlatformUserPorts,
  input: FirstAdmin,
): Promise<{ readonly email: string; readonly oneTimePassword: string | null } | null> {
  const email = parseEmail(input.email);
  return await ports.em.fork().transactional(async (em) => {
    await serialise(em, "first-admin");
    if ((await em.count(PlatformUserEntity)) > 0) return null;
    const made = await credentialOf(email, input.password, ports.clock());
    const admin = { email, name: "Administrator", role: "ADMINISTRATOR" } as const;
    insertPlatformUser({ ...ports, em }, SYSTEM, admin, made.credential);
    return { email, oneTimePassword: made.oneTimePassword };
  });
}
