import { z } from "zod";
import { setAppLimits } from "../tenant-schemas/app-login.ts";
import { limitsOf, type TenantLimits } from "../tenants/limits.ts";
import { openRolesOf } from "../tenants/open-roles.ts";
import { slugField } from "../tenants/slug.ts";
import { nothing, type Run } from "./engine/phase.ts";
import { inSharedDatabase } from "./parts/tenant-entry.ts";
import { loginsOf } from "./parts/tenant-login.ts";
import { tenantOperation } from "./parts/tenant-operation.ts";
import type { TenantPorts } from "./parts/tenant-ports.ts";
import { siteOfRun } from "./parts/tenant-site.ts";

const SetLimitsInput = z.strictObject({ slug: slugField });
type SetLimitsInput = z.infer<typeof SetLimitsInput>;

interface SetLimitsFacts {
  /** The logins that have the limits now. */
  readonly roles: readonly string[];
  readonly limits: TenantLimits;
}

/**
 * Gives the logins of a tenant in use the limits that the registry says: its own, or its tier's. Started
 * where these change, and by the doctor.
 */
export const setLimits = (ports: TenantPorts) =>
  tenantOperation<SetLimitsInput, SetLimitsFacts>({
    kind: "SET_LIMITS",
    input: SetLimitsInput,
    phases: [
      {
        name: "LIMITS_SET",
        where: "outside",
        ensure: (run) => set(ports, run),
        undo: nothing("what the registry says holds, and is set when a login is opened next"),
      },
    ],
    result: ({ facts: { roles = [], limits } }) => ({ roles, ...limits }),
  });

async function set(
  ports: TenantPorts,
  run: Run<SetLimitsInput, SetLimitsFacts>,
): Promise<SetLimitsFacts> {
  const site = await siteOfRun(ports.orm, run);
  const roles = await inSharedDatabase(ports, site, (client) =>
    setAppLimits(client, loginsOf(ports, site), openRolesOf(site.tenant)),
  );
  return { roles, limits: limitsOf(ports.limits, site.tenant) };
}
