import { z } from "zod";
import { DomainError } from "../../kernel/domain-error.ts";
import { endSessionsOf, setAppLogins } from "../../tenant-schemas/app-login.ts";
import { findLeftovers } from "../../tenant-schemas/leftovers.ts";
import { probeAppLogin } from "../../tenant-schemas/probe-app-login.ts";
import { limitsOf } from "../../tenants/limits.ts";
import { openRolesOf } from "../../tenants/open-roles.ts";
import { nothing, skipped } from "../engine/phase.ts";
import { inSharedDatabase } from "../site/databases.ts";
import type { TenantSite } from "../site/site.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import type { TenantPhase, TenantRun } from "../tenant-run.ts";
import { expectSecret } from "./own-secret.ts";
import { readAppLogin } from "./tenant-secret.ts";

type SitePorts = Pick<TenantPorts, "orm" | "servers" | "limits">;
type SitedRun = Pick<TenantRun<unknown, unknown>, "site">;

/** What closing a tenant's logins finds out. */
export interface ClosedFacts {
  readonly sessionsEnded: number;
}

/**
 * The two phases that close a tenant: its app roles cannot log in any more, and their open sessions
 * are ended. Their undo opens the login of a tenant that is ACTIVE, as the status is when it is reached.
 *
 * @param options.foreign what becomes of roles of the tenant's names that are another tenant's
 */
export const closingPhases = <Input, Facts extends ClosedFacts>(
  ports: SitePorts,
  { foreign = "REFUSED" }: { readonly foreign?: "REFUSED" | "LEFT_ALONE" } = {},
): TenantPhase<Input, Facts>[] => [
  {
    name: "LOGIN_CLOSED",
    where: "outside",
    ensure: async (run) => {
      const site = await run.site();
      if (foreign === "LEFT_ALONE" && (await haveAnotherOwner(ports, site))) return ANOTHERS;
      const roles = await setLogins(ports, site, []);
      return roles.length > 0 ? undefined : skipped("the app role does not exist");
    },
    undo: async (run) => {
      const site = await run.site();
      if (foreign === "LEFT_ALONE" && (await haveAnotherOwner(ports, site))) return;
      if (site.tenant.status === "ACTIVE") await setLogins(ports, site, openRolesOf(site.tenant));
    },
  },
  {
    name: "SESSIONS_ENDED",
    where: "outside",
    ensure: async (run) => {
      const site = await run.site();
      if (foreign === "LEFT_ALONE" && (await haveAnotherOwner(ports, site))) return ANOTHERS;
      const sessionsEnded = await endSessions(ports, site);
      return { sessionsEnded } as Partial<Facts>;
    },
    undo: nothing("clients connect again by themselves"),
  },
];

const ANOTHERS = skipped("the app roles of its names are another tenant's");

/** Whether the tenant's roles are gone, and others bear their names. */
const haveAnotherOwner = (ports: SitePorts, site: TenantSite): Promise<boolean> =>
  inSharedDatabase(ports, site, async (client) => {
    const found = await findLeftovers(client, site.names, site.tenant.id);
    return found.some(({ kind, ours }) => kind === "APP_ROLE" && !ours);
  });

/** Gives the logins back that the registry says are open. */
export async function openLogin(ports: SitePorts, run: SitedRun): Promise<undefined> {
  const site = await run.site();
  await setLogins(ports, site, openRolesOf(site.tenant));
}

/** Takes the login back that `openLogin` gave, and whoever came in by it. */
export async function closeLoginAgain(ports: SitePorts, run: SitedRun): Promise<void> {
  const site = await run.site();
  await setLogins(ports, site, []);
  await endSessions(ports, site);
}

/**
 * Logs in as the tenant's application does, with the secret as the store answers it now.
 *
 * @throws DomainError E_TENANT_NOT_READY with what the login said, E_SECRET_STORE
 */
export async function verifyLogin(
  ports: SitePorts & Pick<TenantPorts, "secrets">,
  run: TenantRun<unknown, unknown>,
): Promise<undefined> {
  await expectSecret(ports, run);
  const site = await run.site();
  const { name, passed, message } = await probeAppLogin(await readAppLogin(ports.secrets, site));
  if (!passed) throw new DomainError("E_TENANT_NOT_READY", { message: `${name}: ${message}` });
}

/** Lets these app roles log in and no other; answers those that exist. */
const setLogins = async (
  ports: Pick<TenantPorts, "servers" | "limits">,
  site: TenantSite,
  open: readonly string[],
): Promise<string[]> =>
  await inSharedDatabase(ports, site, (client) =>
    setAppLogins(client, loginsOf(ports, site), open),
  );

/** A tenant's logins: whose they are, where they lead and what each may take. */
export const loginsOf = ({ limits }: Pick<TenantPorts, "limits">, site: TenantSite) => ({
  names: site.names,
  tenantId: site.tenant.id,
  connectDatabase: site.database,
  limits: limitsOf(limits, site.tenant),
});

/** Ends the sessions of both app roles; answers how many there were. */
const endSessions = async (
  ports: Pick<TenantPorts, "servers">,
  site: TenantSite,
): Promise<number> =>
  await inSharedDatabase(ports, site, (client) =>
    endSessionsOf(client, [site.names.appRole, site.names.appRoleB]),
  );

/** Of a result: the sessions that `closingPhases` ended. */
export const sessionsEndedField = z
  .int()
  .nullable()
  .describe(
    "How many open sessions of its application were ended; null where it did not come to that.",
  );
