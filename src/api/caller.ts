import type { Actor } from "../iam/actor.ts";
import { type Authenticated, authenticate } from "../iam/authenticate.ts";
import { type Action, authorize, isGranted } from "../iam/grants.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { Platform } from "../platform.ts";

/** Who calls, with what is known of the token. */
export type Caller = Authenticated;

type CallerParts = "orm" | "standings" | "keys" | "issuer" | "clock";

/**
 * Tells who calls.
 *
 * @param authorization the header's value, absent for an anonymous caller
 * @throws DomainError E_UNAUTHENTICATED for a token that is not good; E_HISTORY_LOST; E_FORBIDDEN and
 *   E_UNAVAILABLE as `authenticate` says
 */
export async function identify(
  { orm, standings, keys, issuer, clock }: Pick<Platform, CallerParts>,
  authorization: string | undefined,
  address: string | null,
): Promise<Caller | null> {
  if (authorization === undefined) {
    await standings.ofNobody();
    return null;
  }
  return await authenticate({ em: orm.em, standings, keys, issuer, clock }, authorization, address);
}

/**
 * Tells whether a caller is still what it was when it was identified: let in, with the same role, by a
 * session that goes on and a signing key that was not dropped.
 */
export async function isUnchanged(
  { standings, keys }: Pick<Platform, "standings" | "keys">,
  { actor: { kind, id, role }, ...facts }: Caller,
): Promise<boolean> {
  const standing = await standings.of({ kind, id, ...facts });
  return standing?.role === role && (facts.keyId === null || (await keys.verifies(facts.keyId)));
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

/**
 * Who calls, where the schema has authorised it already.
 *
 * @throws DomainError E_UNAUTHENTICATED without a caller
 */
export function actorOf({ caller }: { readonly caller: Caller | null }): Actor {
  if (caller === null) throw new DomainError("E_UNAUTHENTICATED");
  return caller.actor;
}

/** Whether the grants table lets a caller do this: for fields that are null to everybody else. */
export const mayCall = (caller: Caller | null, action: Action): boolean =>
  caller !== null && isGranted(caller.actor.role, action);
