import { z } from "zod";
import type { AuditEvent } from "../../audit/events.ts";
import { type AuditActor, record } from "../../audit/record.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { isEmail, normalizeEmail } from "../users/email.ts";
import type { PlatformUser } from "../users/platform-user.entity.ts";
import { findUser, lockUser } from "../users/users.ts";
import { checkNewPassword, hashPassword, NEW_PASSWORD, verifyPassword } from "./password.ts";
import {
  actorOf,
  endSessions,
  type FromAddress,
  issueSession,
  type Session,
  type SessionPorts,
} from "./session.ts";
import { limitAttempts } from "./sign-in-limit.ts";

type Refusal = Extract<AuditEvent, { type: "SIGN_IN_FAILED" }>["detail"]["reason"];

const email = z.string().describe("The email address, in any case.");

export const SignInInput = z
  .object({ email, password: z.string().describe("The password.") })
  .meta({ description: "A platform user's credentials.", argument: "Who signs in." });

type Credentials = z.infer<typeof SignInInput> & FromAddress;

/**
 * Signs a platform user in. Every failure is audited, and they are all the same to the caller, in time
 * too: unknown account, wrong password, disabled, expired one-time password.
 *
 * @throws DomainError E_SIGN_IN_FAILED; E_PASSWORD_CHANGE_REQUIRED, only after the right password,
 *   while it is a one-time password; E_RATE_LIMITED after too many failures
 */
export async function signIn(ports: SessionPorts, input: Credentials): Promise<Session> {
  const user = await verifyCredentials(ports, input);
  if (user.mustChangePassword) {
    await auditRefusal(ports, input, user, "PASSWORD_CHANGE_REQUIRED");
    throw new DomainError("E_PASSWORD_CHANGE_REQUIRED");
  }
  return await ports.em.fork().transactional(async (em) => {
    const locked = await lockUnchanged({ ...ports, em }, user);
    record(em, actorOf(locked, input.address), {
      type: "SIGNED_IN",
      detail: { realm: "PLATFORM", email: locked.email },
    });
    return await issueSession({ ...ports, em }, locked);
  });
}

export const ChangePasswordInput = z
  .object({
    email,
    currentPassword: z.string().describe("The password or one-time password as it is now."),
    newPassword: z.string().describe(NEW_PASSWORD),
  })
  .meta({
    description: "A platform user's credentials, and the password to have instead.",
    argument: "The passwords.",
  });

type PasswordChange = z.infer<typeof ChangePasswordInput> & FromAddress;

/**
 * Changes a platform user's password and signs in with it: the way out of a one-time password. Ends
 * every other session of the user.
 *
 * @throws DomainError E_WEAK_PASSWORD; E_SIGN_IN_FAILED and E_RATE_LIMITED as `signIn` does
 */
export async function changePassword(ports: SessionPorts, input: PasswordChange): Promise<Session> {
  const { currentPassword, newPassword, address } = input;
  checkNewPassword(newPassword, normalizeEmail(input.email));
  if (newPassword === currentPassword) {
    throw new DomainError("E_WEAK_PASSWORD", { message: "The new password must be another one." });
  }
  const user = await verifyCredentials(ports, {
    email: input.email,
    password: currentPassword,
    address,
  });
  const passwordHash = await hashPassword(newPassword);
  return await ports.em.fork().transactional(async (em) => {
    const locked = await lockUnchanged({ ...ports, em }, user);
    const now = ports.clock();
    await endSessions(em, locked, now);
    em.assign(locked, {
      passwordHash,
      mustChangePassword: false,
      oneTimePasswordExpiresAt: null,
      updatedAt: now,
    });
    record(em, actorOf(locked, address), {
      type: "PASSWORD_CHANGED",
      detail: { realm: "PLATFORM", email: locked.email },
    });
    return await issueSession({ ...ports, em }, locked);
  });
}

/** Answers the user whose password this is; everything else fails alike, after the same work. */
function verifyCredentials(ports: SessionPorts, input: Credentials): Promise<PlatformUser> {
  const account = ["PLATFORM", normalizeEmail(input.email)] as const;
  return limitAttempts(ports, { account, address: input.address }, () => verify(ports, input));
}

async function verify(ports: SessionPorts, input: Credentials): Promise<PlatformUser> {
  const user = await findUser(ports.em.fork(), input);
  const matches = await verifyPassword(user?.passwordHash ?? null, input.password);
  const refusal = refusalOf(user, matches, ports.clock());
  if (user !== null && refusal === null) return user;
  await auditRefusal(ports, input, user, refusal ?? "UNKNOWN_ACCOUNT");
  throw new DomainError("E_SIGN_IN_FAILED");
}

function refusalOf(user: PlatformUser | null, matches: boolean, now: Date): Refusal | null {
  if (user === null) return "UNKNOWN_ACCOUNT";
  if (!matches) return "WRONG_PASSWORD";
  if (user.disabledAt !== null) return "DISABLED";
  const expiresAt = user.oneTimePasswordExpiresAt ?? null;
  return expiresAt !== null && expiresAt <= now ? "ONE_TIME_PASSWORD_EXPIRED" : null;
}

async function auditRefusal(
  ports: SessionPorts,
  input: Credentials,
  user: PlatformUser | null,
  reason: Refusal,
): Promise<void> {
  const typed = normalizeEmail(input.email);
  const email = isEmail(typed) ? typed : null;
  const stranger: AuditActor = {
    kind: "ANONYMOUS",
    id: "anonymous",
    name: email ?? "unknown",
    address: input.address,
  };
  const actor = user === null ? stranger : actorOf(user, input.address);
  const detail = { realm: "PLATFORM" as const, email, reason };
  await ports.em.fork().transactional(async (em) => {
    record(em, actor, { type: "SIGN_IN_FAILED", detail });
  });
}

/** Locks the user, who may have been disabled or changed the password since it was verified. */
async function lockUnchanged({ em }: SessionPorts, verified: PlatformUser): Promise<PlatformUser> {
  const user = await lockUser(em, verified.id);
  if (user === null || user.disabledAt !== null || user.passwordHash !== verified.passwordHash) {
    throw new DomainError("E_SIGN_IN_FAILED");
  }
  return user;
}
