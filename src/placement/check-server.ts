import { encodingFault } from "../database/utf8.ts";
import { isDomainError } from "../kernel/domain-error.ts";
import { readAdminLogin, unresolved, whyNotEntered } from "./admin-login.ts";
import type { DbServer } from "./db-server.entity.ts";
import type { DbServerPorts } from "./db-server-registry.ts";
import { hostPolicyOf } from "./make-ready.ts";
import { tenantDatabaseState } from "./prepare-server.ts";
import { type Probed, probeServer, strangerEntrance } from "./probe-server.ts";

/** How a db server was found; `fault` says why tenants cannot be made there. */
export interface ServerCheck {
  readonly probed: Probed | null;
  readonly fault: string | null;
  /** How long it took to look, in milliseconds. */
  readonly ms: number;
}

/** Looks whether tenants can be made on a registered server; changes nothing and never throws for it. */
export async function checkDbServer(
  ports: Pick<DbServerPorts, "secrets" | "config">,
  server: DbServer,
): Promise<ServerCheck> {
  const begun = performance.now();
  const told = (probed: Probed | null, fault: string | null): ServerCheck => ({
    ...{ probed, fault },
    ms: Math.round(performance.now() - begun),
  });
  try {
    const login = await readAdminLogin(ports.secrets, server);
    const enter = strangerEntrance(server, login, hostPolicyOf(ports, server));
    const probed = await probeServer(enter, server, login);
    const { tenantDatabase } = server;
    return told(
      probed,
      await enter(login.database, async (client) => {
        if ((await tenantDatabaseState(client, tenantDatabase)) !== "PREPARED")
          return `its tenant database ${tenantDatabase} is not prepared`;
        return await encodingFault(client, tenantDatabase);
      }),
    );
  } catch (error) {
    if (isDomainError(error)) return told(null, error.message);
    return told(null, unresolved(server, whyNotEntered(error)).message);
  }
}
