import { isDeepStrictEqual } from "node:util";
import type { Tenant } from "../tenants/tenant.entity.ts";
import type { Feed } from "./engine/feed.ts";
import { followChanges } from "./engine/follow.ts";
import type { ReadChanged } from "./engine/shared-reads.ts";

/** What following tenants needs. */
export interface FollowTenantsPorts {
  readonly feed: Feed;
  readonly changedTenants: ReadChanged<Tenant>;
}

/**
 * Follows tenants: yields a tenant, as it stands, each time its row has changed, by whatever way.
 * Not resumable: a follower that was away asks for the list and follows again.
 *
 * @param select which of the changed ones are wanted
 */
export const followTenants = (
  { feed, changedTenants }: FollowTenantsPorts,
  select: (tenants: readonly Tenant[]) => Promise<readonly Tenant[]>,
): AsyncIterableIterator<Tenant> =>
  followChanges<Tenant>({
    attach: (signal) => feed.attachTenants(signal),
    read: async (ids, since) => await select(await changedTenants(ids, since)),
    isSame: isDeepStrictEqual,
  });
