import { createHash, randomUUID } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import type { Clock } from "../../kernel/clock.ts";
import { type Described, describedObject } from "../../kernel/described.ts";
import { newId, newSecret } from "../../kernel/ids.ts";
import type { Actor } from "../actor.ts";
import { PLATFORM_AUDIENCE } from "../tokens/access-token.ts";
import type { SigningKeys } from "../tokens/signing-keys.ts";
import type { PlatformUser } from "../users/platform-user.entity.ts";
import { nameOf, UserView, viewOf } from "../users/user-view.ts";
import { type RefreshToken, RefreshTokenEntity } from "./refresh-token.entity.ts";

const DAY = 86_400_000;
const REFRESH_TOKEN_LIFETIME = 30 * DAY;

export interface SessionPorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly keys: SigningKeys;
  readonly clock: Clock;
}

export const Session = describedObject("Session", "What a signed-in platform user holds.", {
  accessToken: z
    .string()
    .describe(
      "Goes into `Authorization: Bearer …`, and over WebSocket into `connectionParams.authorization`. Lasts 15 minutes.",
    ),
  accessTokenExpiresAt: z
    .date()
    .describe("When the access token expires. Subscriptions that it opened end then."),
  refreshToken: z
    .string()
    .describe(
      "Works once, within 30 days, in `refreshSession`. Sending it twice ends the whole session.",
    ),
  user: UserView.describe("Who has signed in."),
});
export type Session = Described<typeof Session>;

/** Where a request came from, for the audit trail. */
export interface FromAddress {
  readonly address: string | null;
}

/** The form in which a refresh token is kept. */
export const hashToken = (token: string): string =>
  createHash("sha256").update(token).digest("hex");

/** The user as an actor that comes from `address`. */
export const actorOf = (user: PlatformUser, address: string | null): Actor => ({
  kind: "USER",
  id: user.id,
  name: nameOf(user),
  role: user.role,
  address,
});

/**
 * Issues a session inside the caller's transaction, which must hold the user's row lock: a new family of
 * refresh tokens, or the next token of `family`. Takes the user's expired tokens away, which would
 * otherwise pile up.
 */
export async function issueSession(
  { em, keys, clock }: SessionPorts,
  user: PlatformUser,
  family: string = randomUUID(),
): Promise<Session> {
  const refreshToken = newSecret();
  const now = clock();
  const access = await keys.sign({
    audience: PLATFORM_AUDIENCE,
    subject: user.id,
    claims: { email: user.email, name: user.name, role: user.role, sid: family },
    notBefore: user.tokensValidFrom,
  });
  await em.nativeDelete(RefreshTokenEntity, { userId: user.id, expiresAt: { $lt: now } });
  em.persist(
    em.create(RefreshTokenEntity, {
      id: newId(),
      family,
      userId: user.id,
      tokenHash: hashToken(refreshToken),
      expiresAt: new Date(now.getTime() + REFRESH_TOKEN_LIFETIME),
      createdAt: now,
      usedAt: null,
      revokedAt: null,
    }),
  );
  return {
    accessToken: access.token,
    accessTokenExpiresAt: access.expiresAt,
    refreshToken,
    user: viewOf(user),
  };
}

const SECOND = 1000;

/**
 * Ends every session of a user whose row the caller's transaction has locked: refresh tokens, and the
 * access tokens that were issued up to now. Those tell their second only, so that the next one counts.
 */
export async function endSessions(em: EntityManager, user: PlatformUser, now: Date): Promise<void> {
  await revokeRefreshTokens(em, { userId: user.id }, now);
  const since = Math.max(now.getTime(), user.tokensValidFrom?.getTime() ?? 0);
  user.tokensValidFrom = new Date((Math.floor(since / SECOND) + 1) * SECOND);
}

/** Revokes refresh tokens, of one family or of one user, inside the caller's transaction. */
export async function revokeRefreshTokens(
  em: EntityManager,
  which: Pick<RefreshToken, "family"> | Pick<RefreshToken, "userId">,
  now: Date,
): Promise<void> {
  await em.nativeUpdate(RefreshTokenEntity, { ...which, revokedAt: null }, { revokedAt: now });
}
