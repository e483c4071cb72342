import type { EntityManager } from "@mikro-orm/postgresql";
import type { Actor } from "./actor.ts";
import type { Role } from "./roles.ts";
import { livingSessions } from "./sign-in/session.ts";
import { livingServiceTokens } from "./tokens/service-token-use.ts";
import { PlatformUserEntity } from "./users/platform-user.entity.ts";
import { nameOf } from "./users/users.ts";

/** Whom a token speaks of that was found to be good in itself. */
export interface TokenHolder extends Pick<Actor, "kind" | "id"> {
  readonly issuedAt: Date;
  /** The session that it came with; null for tokens that come with none. */
  readonly session: string | null;
}

/** What the holder of a token is at this moment. */
export interface Standing {
  /** Who that is in words, for audit and display. */
  readonly name: string;
  readonly role: Role;
}

interface Row extends Standing {
  readonly id: string;
  /** Tokens issued before have ended; null while none has. */
  readonly tokensValidFrom: Date | null;
}

/** Reads how the holders of one kind stand; whoever may do nothing any more is missing. */
type Reader = (em: EntityManager, ids: readonly string[]) => Promise<readonly Row[]>;

/** Where each kind of actor that comes with a token is kept. */
const READERS: Partial<Record<Actor["kind"], Reader>> = {
  USER: readUsers,
  SERVICE_TOKEN: livingServiceTokens,
};

/**
 * Tells how the holders of tokens stand now. The one place that decides whether a token still lets
 * somebody in: requests ask it for each call, open sockets and streams every few seconds.
 *
 * @returns in the order of the holders; null for whoever may do nothing any more
 */
export async function standingsOf(
  em: EntityManager,
  holders: readonly TokenHolder[],
): Promise<(Standing | null)[]> {
  const found = new Map<string, Row>();
  for (const [kind, ofKind] of Map.groupBy(holders, ({ kind }) => kind)) {
    const ids = [...new Set(ofKind.map(({ id }) => id))];
    for (const row of (await READERS[kind]?.(em, ids)) ?? []) found.set(row.id, row);
  }
  const living = await livingSessions(
    em,
    holders.flatMap(({ session }) => session ?? []),
  );
  return holders.map(({ id, issuedAt, session }) => {
    const row = found.get(id);
    if (session !== null && !living.has(session)) return null;
    if (!row || (row.tokensValidFrom !== null && issuedAt < row.tokensValidFrom)) return null;
    return { name: row.name, role: row.role };
  });
}

async function readUsers(em: EntityManager, ids: readonly string[]) {
  const users = await em.find(
    PlatformUserEntity,
    { id: { $in: [...ids] }, disabledAt: null, mustChangePassword: false, roleWithdrawnAt: null },
    { refresh: true },
  );
  return users.map((user) => {
    const { id, role, tokensValidFrom } = user;
    return { id, name: nameOf(user), role, tokensValidFrom: tokensValidFrom ?? null };
  });
}
