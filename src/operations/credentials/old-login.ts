import type { EntityManager } from "../../database/orm.ts";
import { closeAppRole } from "../../tenant-schemas/app-login.ts";
import { nothing, type Skipped, skipped } from "../engine/phase.ts";
import { inSharedDatabase } from "../site/databases.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import type { TenantPhase, TenantRun } from "../tenant-run.ts";

/** What closing the login from before the last rotation finds out. */
export interface RetiredFacts {
  readonly closedRole: string;
  readonly sessionsEnded: number;
}

interface Reasoned {
  readonly reason: string | null;
}

type OldLoginPorts = Pick<TenantPorts, "servers">;

const NONE = skipped("no old login is open");
const CLOSED = nothing("a login that was to be closed stays closed");

/**
 * The two phases that close the login from before the last rotation, with its password and its
 * sessions, and note that in the registry. They are skipped where none is open.
 *
 * @param isWanted whether it is to be closed at all
 */
export const retiringPhases = <Input extends Reasoned, Facts extends RetiredFacts>(
  ports: OldLoginPorts,
  isWanted: (input: Input) => boolean,
): TenantPhase<Input, Facts>[] => [
  {
    name: "OLD_LOGIN_CLOSED",
    where: "outside",
    ensure: async (run) => (isWanted(run.input) ? await close(ports, run) : KEPT),
    undo: CLOSED,
  },
  {
    name: "GRACE_ENDED",
    where: "platform",
    ensure: async (run, em) => (isWanted(run.input) ? await forget(run, em) : KEPT),
    undo: CLOSED,
  },
];

const KEPT = skipped("it was not asked for");

async function close<Facts extends RetiredFacts>(
  ports: OldLoginPorts,
  run: TenantRun<Reasoned, Facts>,
): Promise<Partial<Facts> | Skipped> {
  const site = await run.site();
  const { id: tenantId, retiringRole: role } = site.tenant;
  const { names } = site;
  if (role === null) return NONE;
  const sessionsEnded = await inSharedDatabase(ports, site, (client) =>
    closeAppRole(client, { names, tenantId, role }),
  );
  return { closedRole: role, sessionsEnded } as Partial<Facts>;
}

async function forget(
  run: TenantRun<Reasoned, RetiredFacts>,
  em: EntityManager,
): Promise<Skipped | undefined> {
  const { closedRole, sessionsEnded = 0 } = run.facts;
  if (closedRole === undefined) return NONE;
  await run.update(em, { retiringRole: null, retiringUntil: null });
  const { reason } = run.input;
  run.record(em, "TENANT_CREDENTIALS_RETIRED", { reason, role: closedRole, sessionsEnded });
  return undefined;
}
