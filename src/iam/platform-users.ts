import type { EntityManager } from "@mikro-orm/postgresql";
import { type AuditActor, record } from "../audit/record.ts";
import { serialise } from "../database/locks.ts";
import type { Clock } from "../kernel/clock.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { newId } from "../kernel/ids.ts";
import { parseEmail } from "./email.ts";
import { newOneTimePassword, ONE_TIME_PASSWORD_LIFETIME } from "./one-time-password.ts";
import { checkNewPassword, hashPassword } from "./password.ts";
import { PlatformUserEntity } from "./platform-user.entity.ts";
import type { Role } from "./roles.ts";
import { revokeRefreshTokens, type UserView, viewOf } from "./session.ts";
import { clearAccount } from "./sign-in-limit.ts";
import { findUserByEmail, lockUser } from "./users.ts";

export interface PlatformUserPorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly clock: Clock;
}

interface NewPlatformUser {
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  /** Absent, a one-time password is made, which must be changed within 72 hours. */
  readonly password?: string | undefined;
}

/** A user, and its one-time password where one was made: shown now and never again. */
export interface CreatedUser {
  readonly user: UserView;
  readonly oneTimePassword: string | null;
}

/**
 * Creates a platform user.
 *
 * @throws DomainError E_VALIDATION for the email: malformed, or there is a user with it already;
 *   E_WEAK_PASSWORD
 */
export async function createPlatformUser(
  ports: PlatformUserPorts,
  actor: AuditActor,
  input: NewPlatformUser,
): Promise<CreatedUser> {
  return await ports.em.fork().transactional(async (em) => {
    const email = parseEmail(input.email);
    await lockEmail(em, email);
    if ((await findUserByEmail(em, email)) !== null) {
      throw new DomainError("E_VALIDATION", {
        issues: [
          { path: ["email"], message: "belongs to a platform user already", code: "E_VALIDATION" },
        ],
      });
    }
    return await insertPlatformUser({ ...ports, em }, actor, { ...input, email });
  });
}

/**
 * Makes sure, for the break-glass command, that an administrator can sign in with this email:
 * creates the user, or makes the existing one an enabled administrator with a new password and ends
 * its sessions. Failed sign-ins are forgotten, and with them the wait after them.
 *
 * @throws DomainError E_VALIDATION for a malformed email; E_WEAK_PASSWORD
 */
export async function seedSuperuser(
  ports: PlatformUserPorts,
  actor: AuditActor,
  input: Omit<NewPlatformUser, "role" | "name">,
): Promise<CreatedUser> {
  const email = parseEmail(input.email);
  return await ports.em.fork().transactional(async (em) => {
    await lockEmail(em, email);
    await clearAccount(em, ["PLATFORM", email]);
    const existing = await findUserByEmail(em, email);
    const user = existing && (await lockUser(em, existing.id));
    if (user === null) {
      const created = { ...input, email, name: "Administrator", role: "ADMINISTRATOR" } as const;
      return await insertPlatformUser({ ...ports, em }, actor, created);
    }
    const now = ports.clock();
    const { oneTimePassword, ...credential } = await newCredential(email, input.password, now);
    await revokeRefreshTokens(em, { userId: user.id }, now);
    em.assign(user, { ...credential, role: "ADMINISTRATOR", disabledAt: null, updatedAt: now });
    record(em, actor, {
      type: "PLATFORM_USER_RESTORED",
      detail: { userId: user.id, email, role: user.role },
    });
    return { user: viewOf(user), oneTimePassword };
  });
}

/** Creates a platform user inside the caller's transaction, which knows that the email is free. */
export async function insertPlatformUser(
  { em, clock }: PlatformUserPorts,
  actor: AuditActor,
  { email, name, role, password }: NewPlatformUser,
): Promise<CreatedUser> {
  const now = clock();
  const { oneTimePassword, ...credential } = await newCredential(email, password, now);
  const facts = {
    id: newId(),
    email,
    name,
    role,
    disabledAt: null,
    createdAt: now,
    updatedAt: now,
  };
  const user = em.create(PlatformUserEntity, { ...facts, ...credential });
  em.persist(user);
  record(em, actor, { type: "PLATFORM_USER_CREATED", detail: { userId: user.id, email, role } });
  return { user: viewOf(user), oneTimePassword };
}

async function newCredential(email: string, password: string | undefined, now: Date) {
  if (password !== undefined) checkNewPassword(password, email);
  const oneTimePassword = password === undefined ? newOneTimePassword() : null;
  const expiresAt = new Date(now.getTime() + ONE_TIME_PASSWORD_LIFETIME);
  return {
    oneTimePassword,
    passwordHash: await hashPassword(password ?? oneTimePassword ?? ""),
    mustChangePassword: oneTimePassword !== null,
    oneTimePasswordExpiresAt: oneTimePassword === null ? null : expiresAt,
  };
}

const lockEmail = (em: EntityManager, email: string): Promise<void> =>
  serialise(em, `platform-user:${email}`);
