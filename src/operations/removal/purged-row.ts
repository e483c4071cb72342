import type { EntityManager } from "../../database/orm.ts";
import { withoutPersonal } from "../tenant-profile.ts";
import type { TenantRun } from "../tenant-run.ts";

/**
 * Closes the registry's row of a tenant of which nothing is left, in the caller's transaction: PURGED,
 * so that the slug is free, placed nowhere, and without the contacts of its people. The row itself
 * stays, since its operations belong to it.
 */
export async function closeRow(run: TenantRun<unknown, unknown>, em: EntityManager): Promise<void> {
  await run.update(em, {
    status: "PURGED",
    offboardedFrom: null,
    purgeAfter: null,
    dbServerId: null,
    databaseName: null,
    schemaVersion: null,
    migrationsApplied: 0,
    // `.invalid` is a top-level domain that nobody ever has (RFC 2606).
    seedSets: [],
    adminEmail: "removed@purged.invalid",
    requestedBy: null,
    ...withoutPersonal,
    retiringRole: null,
    retiringUntil: null,
    secretVersion: null,
  });
}
