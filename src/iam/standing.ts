import type { EntityManager } from "@mikro-orm/postgresql";
import DataLoader from "dataloader";
import { type NotedLink, selectUnlessLost } from "../audit/lost-history.ts";
import type { Actor } from "./actor.ts";
import type { Role } from "./roles.ts";
import { LETS_IN, type LivingServiceToken, useServiceTokens } from "./tokens/service-token-use.ts";
import { nameOf } from "./users/user-view.ts";

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

interface Row {
  /** The holder's place in the list, from 1. */
  readonly place: number;
  readonly name: string;
  readonly issuer: string | null;
  readonly role: Role;
}

const HOLDERS = `rows from (jsonb_to_recordset(?::jsonb)
  as (id uuid, "issuedAt" timestamptz, session uuid)) with ordinality
  as holder (id, "issuedAt", session, place)`;

/**
 * How those of each kind stand who come with a token, in one statement, since every request waits for it;
 * whoever may do nothing any more is missing.
 */
const STATEMENTS: Partial<Record<Actor["kind"], string>> = {
  USER: `
    select holder.place::int, u.email as name, u.issuer, u.role
    from ${HOLDERS} join platform.platform_user u on u.id = holder.id
    where u.disabled_at is null and not u.must_change_password and u.role_withdrawn_at is null
      and (u.tokens_valid_from is null or u.tokens_valid_from <= holder."issuedAt")
      and (holder.session is null or exists (
        select from platform.refresh_token t
        where t.family = holder.session and t.user_id = u.id
          and t.revoked_at is null and t.used_at is null))`,
  SERVICE_TOKEN: `
    select holder.place::int, t.name, null as issuer, t.role
    from ${HOLDERS} join platform.service_token t on t.id = holder.id
    where ${LETS_IN}`,
};

/**
 * Tells how callers stand now. The one place that decides whether a token still lets somebody in: requests
 * ask it for each call, open sockets and streams every few seconds.
 */
export interface Standings {
  /**
   * Lets nobody through, not even to sign in, while the platform database has lost something.
   *
   * @throws DomainError E_HISTORY_LOST, as the others do
   */
  ofNobody(): Promise<void>;
  /** How the holder of a token stands; null for whoever may do nothing any more. */
  of(holder: TokenHolder): Promise<Standing | null>;
  /** The service token of a value, where it lets in; null for any other. */
  ofServiceToken(value: string): Promise<LivingServiceToken | null>;
}

/** The newest link of the audit chain that this process has seen. */
export interface SeenHistory {
  readonly newest: NotedLink | null;
}

/**
 * Opens the place that tells how callers stand. Those who come at the same moment are looked up by one
 * statement, which begins after the last of them has come: nobody is let in by what was read before.
 *
 * @param em forked for every statement
 */
export function openStandings(em: EntityManager, seen: SeenHistory): Standings {
  const together = { cache: false, batchScheduleFn: (look: () => void) => void setImmediate(look) };
  const holders = new DataLoader<TokenHolder, Standing | null>(
    (asked) => standingsOf(em.fork(), seen, asked),
    together,
  );
  const tokens = new DataLoader<string, LivingServiceToken | null>(
    (values) => useServiceTokens(em.fork(), seen.newest, values),
    together,
  );
  return {
    ofNobody: async () => void (await selectUnlessLost(em.fork(), seen.newest, "select 1", [])),
    of: (holder) => holders.load(holder),
    ofServiceToken: (value) => tokens.load(value),
  };
}

async function standingsOf(
  em: EntityManager,
  { newest }: SeenHistory,
  holders: readonly TokenHolder[],
): Promise<(Standing | null)[]> {
  const found = new Map<TokenHolder, Standing>();
  for (const [kind, ofKind] of Map.groupBy(holders, ({ kind }) => kind)) {
    const statement = STATEMENTS[kind];
    if (statement === undefined) continue;
    const rows = await selectUnlessLost<Row>(em, newest, statement, [JSON.stringify(ofKind)]);
    for (const { place, name, issuer, role } of rows) {
      const holder = ofKind[place - 1];
      if (holder) found.set(holder, { name: nameOf({ email: name, issuer }), role });
    }
  }
  return holders.map((holder) => found.get(holder) ?? null);
}
