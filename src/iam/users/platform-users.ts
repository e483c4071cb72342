import type { EntityManager } from "@mikro-orm/postgresql";
import { type AuditActor, record } from "../../audit/record.ts";
import { serialise } from "../../database/locks.ts";
import type { Clock } from "../../kernel/clock.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { newId } from "../../kernel/ids.ts";
import { parseInput } from "../../kernel/input.ts";
import { type Credential, chosenCredential, oneTimeCredential } from "../sign-in/credential.ts";
import { endSessions } from "../sign-in/session.ts";
import { clearAccount } from "../sign-in/sign-in-limit.ts";
import { parseEmail } from "./email.ts";
import { NewUser } from "./new-user.ts";
import { PlatformUserEntity } from "./platform-user.entity.ts";
import { type UserView, viewOf } from "./user-view.ts";
import { findUser, lockUser } from "./users.ts";

export interface PlatformUserPorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly clock: Clock;
}

/** A user, and its one-time password where one was made: shown now and never again. */
export interface CreatedUser {
  readonly user: UserView;
  readonly oneTimePassword: string | null;
}

/**
 * Creates a platform user. Without a password, a one-time password is made, which must be changed within 72
 * hours.
 *
 * @param request what `NewUser` reads
 * @throws DomainError E_VALIDATION naming every faulty field; E_PLATFORM_USER_EXISTS for an email that
 *   is taken; E_WEAK_PASSWORD
 */
export async function createPlatformUser(
  ports: PlatformUserPorts,
  actor: AuditActor,
  request: NewUser,
): Promise<CreatedUser> {
  const { password, ...input } = parseInput(NewUser, request);
  // Before the transaction: nobody waits for a lock while a password is hashed.
  const made = await credentialOf(input.email, password, ports.clock());
  return await ports.em.fork().transactional(async (em) => {
    await lockEmail(em, input.email);
    if ((await findUser(em, input)) !== null) throw new DomainError("E_PLATFORM_USER_EXISTS");
    const user = insertPlatformUser({ ...ports, em }, actor, input, made.credential);
    return { user, oneTimePassword: made.oneTimePassword };
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
  input: Pick<NewUser, "email" | "password">,
): Promise<CreatedUser> {
  const email = parseEmail(input.email);
  const { credential, oneTimePassword } = await credentialOf(email, input.password, ports.clock());
  return await ports.em.fork().transactional(async (em) => {
    await lockEmail(em, email);
    await clearAccount(em, ["PLATFORM", email]);
    const existing = await findUser(em, { email });
    const user = existing && (await lockUser(em, existing.id));
    if (user === null) {
      const created = { email, name: "Administrator", role: "ADMINISTRATOR" } as const;
      return {
        user: insertPlatformUser({ ...ports, em }, actor, created, credential),
        oneTimePassword,
      };
    }
    const now = ports.clock();
    await endSessions(em, user, now);
    em.assign(user, { ...credential, role: "ADMINISTRATOR", disabledAt: null, updatedAt: now });
    record(em, actor, {
      type: "PLATFORM_USER_RESTORED",
      detail: { userId: user.id, email, role: user.role },
    });
    return { user: viewOf(user), oneTimePassword };
  });
}

/** Creates a platform user inside the caller's transaction, which knows that the email is free. */
export function insertPlatformUser(
  { em, clock }: PlatformUserPorts,
  actor: AuditActor,
  { email, name, role }: NewUser,
  credential: Credential,
): UserView {
  const now = clock();
  const user = em.create(PlatformUserEntity, {
    id: newId(),
    email,
    name,
    role,
    ...credential,
    issuer: null,
    subject: null,
    tokenIssuedAt: null,
    roleWithdrawnAt: null,
    disabledAt: null,
    tokensValidFrom: null,
    createdAt: now,
    updatedAt: now,
  });
  em.persist(user);
  record(em, actor, { type: "PLATFORM_USER_CREATED", detail: { userId: user.id, email, role } });
  return viewOf(user);
}

/**
 * The credential of a password, or of a one-time password where there is none.
 *
 * @throws DomainError E_WEAK_PASSWORD
 */
export async function credentialOf(
  email: string,
  password: string | undefined,
  now: Date,
): Promise<{ readonly credential: Credential; readonly oneTimePassword: string | null }> {
  if (password === undefined) return await oneTimeCredential(now);
  return { credential: await chosenCredential(password, email), oneTimePassword: null };
}

const lockEmail = (em: EntityManager, email: string): Promise<void> =>
  serialise(em, `platform-user:${email}`);
