import { authorize } from "../../iam/grants.ts";
import { lockTenant, unlockTenant } from "../../operations/tenant-lock.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { type PlatformSession, runOnPlatform } from "../session.ts";
import { EXIT } from "../terminal/exit-codes.ts";

/** The flags of `tenant lock` and `tenant unlock`. */
export interface LockFlags {
  readonly slug: string;
  readonly reason?: string;
  readonly json?: boolean;
}

/** `tenantry tenant lock`. */
export const lock = ({ slug, reason, json }: LockFlags): Promise<void> =>
  change({ json }, ({ platform, actor }) => lockTenant(platform, actor, { slug, reason }));

/** `tenantry tenant unlock`. */
export const unlock = ({ slug, json }: LockFlags): Promise<void> =>
  change({ json }, ({ platform, actor }) => unlockTenant(platform, actor, { slug }));

async function change(
  { json }: { readonly json: boolean | undefined },
  act: (session: PlatformSession) => Promise<Tenant>,
): Promise<void> {
  return await runOnPlatform({ json }, async (session) => {
    const { actor, out } = session;
    authorize(actor, "tenant:lock");
    const { id, slug, lockedAt, lockReason } = await act(session);
    if (json) out.json({ type: "RESULT", tenantId: id, slug, lockedAt, lockReason });
    else {
      const how = lockedAt === null ? "is not locked" : `is locked against deletion: ${lockReason}`;
      out.line(`${out.style("green", "✔")} Tenant '${slug}' ${how}`);
    }
    return EXIT.ok;
  });
}
