import type { EntityManager } from "../database/orm.ts";
import type { Platform } from "../platform.ts";
import type { Caller } from "./caller.ts";
import type { Loaders } from "./loaders.ts";

/** What every resolver is given. */
export interface ApiContext {
  readonly platform: Platform;
  /** Null for an anonymous caller. */
  readonly caller: Caller | null;
  /** Where the request came from. */
  readonly address: string | null;
  /** The header `Idempotency-Key` of the request; null without one, and over a socket. */
  readonly idempotencyKey: string | null;
  readonly load: Loaders;
  /** A fresh look at the platform database, for one read. */
  em(): EntityManager;
  /**
   * Over a socket, which ends its subscriptions by closing: whether this operation is still wanted. Null
   * over HTTP.
   */
  readonly isWanted: (() => boolean) | null;
}

/** Makes the context of one request, on either transport. */
export function makeContext(
  platform: Platform,
  call: Pick<ApiContext, "caller" | "address" | "load" | "isWanted"> &
    Partial<Pick<ApiContext, "idempotencyKey">>,
): ApiContext {
  return {
    idempotencyKey: null,
    ...call,
    platform,
    em: () => platform.reader.em.fork() as EntityManager,
  };
}
