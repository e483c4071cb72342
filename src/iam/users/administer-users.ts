import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import { type AuditActor, record } from "../../audit/record.ts";
import { serialise } from "../../database/locks.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { expectVersion, ifVersionField } from "../../kernel/version-of.ts";
import { Role } from "../roles.ts";
import { oneTimeCredential } from "../sign-in/credential.ts";
import { endSessions } from "../sign-in/session.ts";
import { clearAccount } from "../sign-in/sign-in-limit.ts";
import { revokeTokensOf } from "../tokens/service-tokens.ts";
import { type PlatformUser, PlatformUserEntity } from "./platform-user.entity.ts";
import type { PlatformUserPorts } from "./platform-users.ts";
import { type UserView, userVersion, viewOf } from "./user-view.ts";
import { lockUserOf, type UserKey } from "./users.ts";

const userId = z.string().meta({ description: "The user's UUID.", isId: true });

/** Names a user; `description` says to whom something is done. */
export const userInput = (description: string) => z.object({ userId }).describe(description);

export const SetRoleInput = z
  .object({ userId, role: Role.describe("What it may do from now on."), ifVersion: ifVersionField })
  .describe("The user, and its new role.");

/**
 * Gives a platform user another role. It counts for the next request; open sockets and streams of the
 * user end within 5 seconds. The role that the user has already changes nothing.
 *
 * @throws DomainError E_PLATFORM_USER_NOT_FOUND; E_VERSION_STALE; E_OWN_ACCOUNT and E_LAST_ADMINISTRATOR where an
 *   administrator would be lost; E_EXTERNAL_USER for one whose role another issuer gives
 */
export const setPlatformUserRole = (
  ports: PlatformUserPorts,
  actor: AuditActor,
  key: UserKey,
  role: Role,
  ifVersion?: string | null,
): Promise<UserView> =>
  change(ports, key, async (em, user, now) => {
    refuseExternal(user);
    expectVersion(userVersion(user), ifVersion);
    if (user.role === role) return;
    await refuseLoss(em, actor, user, now);
    const detail = { ...subjectOf(user), from: user.role, to: role };
    em.assign(user, { role, updatedAt: now });
    record(em, actor, { type: "PLATFORM_USER_ROLE_SET", detail });
  });

export const DisableInput = z
  .object({
    userId,
    revokeServiceTokens: z.boolean().default(false).meta({
      description:
        "Whether the service tokens that the user has made are revoked, too, with those that they have made; also of a user who is disabled already. Otherwise they live on: scripts do not stop with somebody's last day.",
    }),
  })
  .describe("The user to shut out.");

/**
 * Disables a platform user and ends its sessions: it can do nothing any more from the next request on,
 * and cannot sign in. Disabling a disabled user changes nothing, but for service tokens that it has left.
 *
 * @throws DomainError E_PLATFORM_USER_NOT_FOUND; E_OWN_ACCOUNT and E_LAST_ADMINISTRATOR as for the role
 */
export const disablePlatformUser = (
  ports: PlatformUserPorts,
  actor: AuditActor,
  key: UserKey,
  { revokeServiceTokens = false }: Pick<z.input<typeof DisableInput>, "revokeServiceTokens"> = {},
): Promise<UserView> =>
  change(ports, key, async (em, user, now) => {
    if (revokeServiceTokens) await revokeTokensOf(em, actor, { kind: "USER", id: user.id }, now);
    if (user.disabledAt !== null) return;
    await refuseLoss(em, actor, user, now);
    await endSessions(em, user, now);
    em.assign(user, { disabledAt: now, updatedAt: now });
    record(em, actor, { type: "PLATFORM_USER_DISABLED", detail: subjectOf(user) });
  });

/**
 * Lets a disabled platform user sign in again, with the password and the role it had.
 *
 * @throws DomainError E_PLATFORM_USER_NOT_FOUND
 */
export const enablePlatformUser = (
  ports: PlatformUserPorts,
  actor: AuditActor,
  key: UserKey,
): Promise<UserView> =>
  change(ports, key, (em, user, now) => {
    if (user.disabledAt === null) return;
    em.assign(user, { disabledAt: null, updatedAt: now });
    record(em, actor, { type: "PLATFORM_USER_ENABLED", detail: subjectOf(user) });
  });

/**
 * Takes a platform user's password away and ends its sessions; the one-time password lets in for 72
 * hours, to change it. Failed sign-ins are forgotten, and with them the wait after them.
 *
 * @returns the one-time password: shown now and never again
 * @throws DomainError E_PLATFORM_USER_NOT_FOUND; E_OWN_ACCOUNT, since changing one's own password takes
 *   the present one; E_EXTERNAL_USER for one who has none here
 */
export async function resetPlatformUserPassword(
  ports: PlatformUserPorts,
  actor: AuditActor,
  key: UserKey,
): Promise<{ readonly user: UserView; readonly oneTimePassword: string }> {
  // Before the transaction: nobody waits for a lock while a password is hashed.
  const { credential, oneTimePassword } = await oneTimeCredential(ports.clock());
  const user = await change(ports, key, async (em, user, now) => {
    refuseSelf(actor, user);
    refuseExternal(user);
    await endSessions(em, user, now);
    await clearAccount(em, ["PLATFORM", user.email]);
    em.assign(user, { ...credential, updatedAt: now });
    record(em, actor, { type: "PLATFORM_USER_PASSWORD_RESET", detail: subjectOf(user) });
  });
  return { user, oneTimePassword };
}

/**
 * Signs a platform user out everywhere: access and refresh tokens stop working at once, open sockets
 * and streams end within 5 seconds. The password stays.
 *
 * @throws DomainError E_PLATFORM_USER_NOT_FOUND
 */
export const signOutPlatformUser = (
  ports: PlatformUserPorts,
  actor: AuditActor,
  key: UserKey,
): Promise<UserView> =>
  change(ports, key, async (em, user, now) => {
    await endSessions(em, user, now);
    record(em, actor, { type: "PLATFORM_USER_SIGNED_OUT", detail: subjectOf(user) });
  });

type Act = (em: EntityManager, user: PlatformUser, now: Date) => Promise<void> | void;

/** Changes a user under the lock of its row; one change at a time, so that administrators can be counted. */
async function change({ em, clock }: PlatformUserPorts, key: UserKey, act: Act): Promise<UserView> {
  return await em.fork().transactional(async (tx) => {
    await serialise(tx, "platform-users");
    const user = await lockUserOf(tx, key);
    await act(tx, user, clock());
    return viewOf(user);
  });
}

const subjectOf = ({ id, email }: PlatformUser) => ({ userId: id, email });

/** Refuses to take an administrator away who acts, or whom nobody could make one again. */
async function refuseLoss(
  em: EntityManager,
  actor: AuditActor,
  user: PlatformUser,
  now: Date,
): Promise<void> {
  if (user.role !== "ADMINISTRATOR" || user.disabledAt !== null) return;
  refuseSelf(actor, user);
  // Administrators of another issuer help nobody while that does not answer: they count for nothing.
  if (user.issuer) return;
  const others = await em.count(PlatformUserEntity, {
    id: { $ne: user.id },
    role: "ADMINISTRATOR",
    disabledAt: null,
    issuer: null,
    $or: [{ oneTimePasswordExpiresAt: null }, { oneTimePasswordExpiresAt: { $gt: now } }],
  });
  if (others === 0) throw new DomainError("E_LAST_ADMINISTRATOR");
}

function refuseSelf(actor: AuditActor, user: PlatformUser): void {
  if (actor.kind === "USER" && actor.id === user.id) throw new DomainError("E_OWN_ACCOUNT");
}

/** Refuses to change what the issuer decides: its next token would say otherwise. */
function refuseExternal(user: PlatformUser): void {
  if (user.issuer) throw new DomainError("E_EXTERNAL_USER");
}
