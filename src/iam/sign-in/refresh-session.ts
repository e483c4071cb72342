import { z } from "zod";
import { record } from "../../audit/record.ts";
import { type Described, describedObject } from "../../kernel/described.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import type { PlatformUser } from "../users/platform-user.entity.ts";
import { lockUser } from "../users/users.ts";
import { type RefreshToken, RefreshTokenEntity } from "./refresh-token.entity.ts";
import {
  actorOf,
  type FromAddress,
  hashToken,
  issueSession,
  revokeRefreshTokens,
  type Session,
  type SessionPorts,
} from "./session.ts";

const refreshToken = z.string().describe("`Session.refreshToken`.");

export const RefreshSessionInput = z.object({ refreshToken }).meta({
  description: "The refresh token of the newest session.",
  argument: "The token.",
});

export const SignOutInput = z.object({ refreshToken }).meta({
  description: "The session to end.",
  argument: "The session.",
});

type Presented = z.infer<typeof RefreshSessionInput> & FromAddress;

export const SignedOut = describedObject("SignOutPayload", "The session has ended.", {
  signedOut: z.boolean().describe("Always true: an unknown or ended session is signed out, too."),
});

/**
 * Exchanges a refresh token for a new session, whose refresh token lasts 30 days from now. A token
 * that was exchanged before is a stolen one, in either hand: it ends the whole family (RFC 9700
 * section 4.14.2).
 *
 * @throws DomainError E_UNAUTHENTICATED
 */
export async function refreshSession(ports: SessionPorts, input: Presented): Promise<Session> {
  const session = await ports.em.fork().transactional(async (em) => {
    const held = await lockToken({ ...ports, em }, input.refreshToken);
    if (held === null) return null;
    const { token, user } = held;
    const now = ports.clock();
    if (token.usedAt !== null && token.revokedAt === null) {
      await revokeRefreshTokens(em, { family: token.family }, now);
      record(em, actorOf(user, input.address), {
        type: "REFRESH_TOKEN_REUSED",
        detail: { family: token.family },
      });
      return null;
    }
    if (token.revokedAt !== null || token.expiresAt <= now || !maySignIn(user)) return null;
    token.usedAt = now;
    return await issueSession({ ...ports, em }, user, token.family);
  });
  // Thrown out here, so that a revocation is committed.
  if (session === null) throw new DomainError("E_UNAUTHENTICATED");
  return session;
}

/** Ends the session that a refresh token belongs to; an unknown or ended one is fine. */
export async function signOut(
  ports: SessionPorts,
  input: Presented,
): Promise<Described<typeof SignedOut>> {
  await ports.em.fork().transactional(async (em) => {
    const held = await lockToken({ ...ports, em }, input.refreshToken);
    if (held === null || held.token.revokedAt !== null) return;
    await revokeRefreshTokens(em, { family: held.token.family }, ports.clock());
    record(em, actorOf(held.user, input.address), { type: "SIGNED_OUT", detail: {} });
  });
  return { signedOut: true };
}

const maySignIn = (user: PlatformUser) => user.disabledAt === null && !user.mustChangePassword;

/** Finds a token and locks its user; the token is as it stands under that lock. */
async function lockToken(
  { em }: SessionPorts,
  refreshToken: string,
): Promise<{ token: RefreshToken; user: PlatformUser } | null> {
  const tokenHash = hashToken(refreshToken);
  const found = await em.findOne(RefreshTokenEntity, { tokenHash });
  if (found === null) return null;
  const user = await lockUser(em, found.userId);
  const token = await em.findOne(RefreshTokenEntity, { tokenHash }, { refresh: true });
  return user === null || token === null ? null : { token, user };
}
