import type { Actor } from "../iam/actor.ts";
import { type Authenticated, authenticate } from "../iam/authenticate.ts";
import { type Action, authorize, isGranted } from "../iam/grants.ts";
import { standingsOf } from "../iam/standing.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { Platform } from "../platform.ts";

/** Who calls, with what is known of the token. */
export type Caller = Authenticated;

/**
 * Tells who calls.
 *
 * @param authorization the header's value, absent for an anonymous caller
 * @throws DomainError E_UNAUTHENTICATED for a token that is not good; E_FORBIDDEN and E_UNAVAILABLE as
 *   `authenticate` says
 */
export async function identify(
  { orm, keys, issuer, clock }: Pick<Platform, "orm" | "keys" | "issuer" | "clock">,
  authorization: string | undefined,
  address: string | null,
): Promise<Caller | null> {
  if (authorization === undefined) return null;
  return await authenticate({ em: orm.em, keys, issuer, clock }, authorization, address);
}

/**
 * Tells whether callers are still what they were when they were identified: let in, with the same role,
 * by a session that goes on and a signing key that was not dropped.
 *
 * @returns in the order of the callers
 */
export async function areUnchanged(
  { orm, keys }: Pick<Platform, "orm" | "keys">,
  callers: readonly Caller[],
): Promise<boolean[]> {
  const holders = callers.map(({ actor: { kind, id }, ...facts }) => ({ kind, id, ...facts }));
  const standings = await standingsOf(orm.em.fork(), holders);
  const isSigned = await Promise.all(
    callers.map(({ keyId }) => keyId === null || keys.verifies(keyId)),
  );
  return callers.map(
    ({ actor }, index) => isSigned[index] === true && standings[index]?.role === actor.role,
  );
}

/** Why a caller that has changed is let go. */
export const noLonger = (): DomainError =>
  new DomainError("E_UNAUTHENTICATED", { message: "The account or its role has changed" });

/**
 * The actor of a call, where the grants table lets it do this.
 *
 * @throws DomainError E_UNAUTHENTICATED without a caller, E_FORBIDDEN without the grant
 */
export function actorWith(caller: Caller | null, action: Action): Actor {
  if (caller === null) throw new DomainError("E_UNAUTHENTICATED");
  authorize(caller.actor, action);
  return caller.actor;
}

/** Whether the grants table lets a caller do this: for fields that are null to everybody else. */
export const mayCall = (caller: Caller | null, action: Action): boolean =>
  caller !== null && isGranted(caller.actor.role, action);
