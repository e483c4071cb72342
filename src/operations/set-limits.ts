import { z } from "zod";
import { type Described, describedObject } from "../kernel/described.ts";
import { row } from "../kernel/labelled.ts";
import { setAppLimits } from "../tenant-schemas/app-login.ts";
import { limitsOf, secondsShown, type TenantLimits } from "../tenants/limits.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { openRolesOf } from "../tenants/open-roles.ts";
import { loginsOf } from "./credentials/tenant-login.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing } from "./engine/phase.ts";
import { inSharedDatabase } from "./site/databases.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import type { TenantRun } from "./tenant-run.ts";

const SetLimitsInput = z.strictObject(namedTenant);
type SetLimitsInput = z.infer<typeof SetLimitsInput>;

const LimitsSetResult = describedObject(
  "LimitsSetResult",
  "What came of giving a tenant's logins their limits.",
  {
    roles: z.array(z.string()).describe("The PostgreSQL roles that have them now."),
    connectionLimit: z
      .int()
      .nullable()
      .default(null)
      .describe("How many sessions each may have at a time; null where it was not set."),
    statementTimeoutSeconds: z
      .int()
      .nullable()
      .default(null)
      .describe("Their statement_timeout, 0 for none; null where it was not set."),
    idleInTransactionTimeoutSeconds: z
      .int()
      .nullable()
      .default(null)
      .describe(
        "Their idle_in_transaction_session_timeout, 0 for none; null where it was not set.",
      ),
  },
);

interface SetLimitsFacts {
  /** The logins that have the limits now. */
  readonly roles: readonly string[];
  readonly limits: TenantLimits;
}

/**
 * Gives the logins of a tenant in use the limits that the registry says: its own, or its tier's. Started
 * where these change, and by the doctor.
 */
export const setLimits = defineOperation<SetLimitsInput, SetLimitsFacts>(
  {
    kind: "SET_LIMITS",
    does: "Gives a tenant's logins the limits that it has, or its tier. Begun by `updateTenant` where these change.",
    grant: "tenant:operate",
    input: SetLimitsInput,
    result: LimitsSetResult,
    shows: ({ roles, ...limits }: Described<typeof LimitsSetResult>) => [
      ["logins", roles.join(", ") || "none"],
      ...row("connections", limits.connectionLimit?.toString()),
      ...row("statements", secondsShown(limits.statementTimeoutSeconds)),
      ...row("idle in transaction", secondsShown(limits.idleInTransactionTimeoutSeconds)),
    ],
  },
  (ports) => ({
    phases: [
      {
        name: "LIMITS_SET",
        where: "outside",
        ensure: (run) => set(ports, run),
        undo: nothing("what the registry says holds, and is set when a login is opened next"),
      },
    ],
    result: ({ facts: { roles = [], limits } }) => ({ roles, ...limits }),
  }),
);

async function set(
  ports: TenantPorts,
  run: TenantRun<SetLimitsInput, SetLimitsFacts>,
): Promise<SetLimitsFacts> {
  const site = await run.site();
  const roles = await inSharedDatabase(ports, site, (client) =>
    setAppLimits(client, loginsOf(ports, site), openRolesOf(site.tenant)),
  );
  return { roles, limits: limitsOf(ports.limits, site.tenant) };
}
