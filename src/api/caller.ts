import type { Actor } from "../iam/actor.ts";
import { authenticate } from "../iam/authenticate.ts";
import { type Action, authorize } from "../iam/grants.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { Platform } from "../platform.ts";

/** Who calls, with what is known of the token; null for a caller without one. */
export interface Caller {
  readonly actor: Actor;
  readonly expiresAt: Date;
}

/**
 * Tells who calls.
 *
 * @param authorization the header's value, absent for an anonymous caller
 * @throws DomainError E_UNAUTHENTICATED for a token that is not good
 */
export async function identify(
  { orm, keys }: Pick<Platform, "orm" | "keys">,
  authorization: string | undefined,
  address: string | null,
): Promise<Caller | null> {
  if (authorization === undefined) return null;
  return await authenticate({ em: orm.em, keys }, authorization, address);
}

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
