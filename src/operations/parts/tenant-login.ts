import { DomainError } from "../../kernel/domain-error.ts";
import { closeAppLogin, endSessionsOf, openAppLogin } from "../../tenant-schemas/app-login.ts";
import { probeAppLogin } from "../../tenant-schemas/probe-app-login.ts";
import { nothing, type Phase, type Run, skipped } from "../engine/phase.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import { readAppLogin } from "./tenant-secret.ts";
import { siteOfRun, type TenantSite } from "./tenant-site.ts";

type SitePorts = Pick<TenantPorts, "orm" | "servers">;
type Subject = Pick<Run<unknown, unknown>, "subjectId" | "subjectName">;

/** What closing a tenant's door finds out. */
export interface ClosedFacts {
  readonly sessionsEnded: number;
}

/**
 * The two phases that close a tenant: its app role cannot log in any more, and its open sessions are
 * ended. Their undo opens the login of a tenant that is ACTIVE, as the status is when it is reached.
 */
export const closingPhases = <Input, Facts extends ClosedFacts>(
  ports: SitePorts,
): Phase<Input, Facts>[] => [
  {
    name: "LOGIN_CLOSED",
    where: "outside",
    ensure: async (run) => {
      const there = await onSite(ports, run, closeAppLogin);
      return there ? undefined : skipped("the app role does not exist");
    },
    undo: async (run) => {
      const { tenant } = await siteOfRun(ports.orm, run);
      if (tenant.status === "ACTIVE") await onSite(ports, run, openAppLogin);
    },
  },
  {
    name: "SESSIONS_ENDED",
    where: "outside",
    ensure: async (run) => {
      const sessionsEnded = await endSessions(ports, await siteOfRun(ports.orm, run));
      return { sessionsEnded } as Partial<Facts>;
    },
    undo: nothing("clients connect again by themselves"),
  },
];

/** Gives the tenant's app role its login back. */
export async function openLogin(ports: SitePorts, run: Subject): Promise<undefined> {
  await onSite(ports, run, openAppLogin);
}

/** Takes the login back that `openLogin` gave, and whoever came in by it. */
export async function closeLoginAgain(ports: SitePorts, run: Subject): Promise<void> {
  await onSite(ports, run, closeAppLogin);
  await endSessions(ports, await siteOfRun(ports.orm, run));
}

/**
 * Logs in as the tenant's application does, with the secret as the store answers it now.
 *
 * @throws DomainError E_TENANT_NOT_READY with what the login said, E_SECRET_STORE
 */
export async function verifyLogin(
  ports: SitePorts & Pick<TenantPorts, "secrets">,
  run: Subject,
): Promise<undefined> {
  const site = await siteOfRun(ports.orm, run);
  const { name, passed, message } = await probeAppLogin(await readAppLogin(ports.secrets, site));
  if (!passed) throw new DomainError("E_TENANT_NOT_READY", { message: `${name}: ${message}` });
}

const onSite = async (ports: SitePorts, run: Subject, act: typeof openAppLogin) => {
  const { server, database, names, tenant } = await siteOfRun(ports.orm, run);
  return await ports.servers.asAdmin(server, database, (client) =>
    act(client, { names, tenantId: tenant.id }),
  );
};

const endSessions = async ({ servers }: SitePorts, { server, database, names }: TenantSite) =>
  await servers.asAdmin(server, database, (client) => endSessionsOf(client, names.appRole));
