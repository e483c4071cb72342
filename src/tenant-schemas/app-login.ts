import { setTimeout as delay } from "node:timers/promises";
import type { ClientBase } from "pg";
import { ident } from "../database/sql.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { TenantNames } from "../tenants/names.ts";
import { findLeftovers, type Leftover, partialState } from "./leftovers.ts";
import { underSharedLock } from "./tenant-database.ts";

interface AppRoleOf {
  readonly names: TenantNames;
  readonly tenantId: string;
}

/**
 * Takes from a tenant's app role the right to log in; open sessions go on. Repeatable.
 *
 * @returns false where the role does not exist
 * @throws DomainError E_PARTIAL_STATE when the role bears the tenant's name without being the tenant's
 */
export const closeAppLogin = (client: ClientBase, role: AppRoleOf): Promise<boolean> =>
  alterLogin(client, role, "nologin");

/** Gives a tenant's app role the right to log in; answers and errors as `closeAppLogin`. */
export const openAppLogin = (client: ClientBase, role: AppRoleOf): Promise<boolean> =>
  alterLogin(client, role, "login");

async function alterLogin(
  client: ClientBase,
  { names, tenantId }: AppRoleOf,
  login: "login" | "nologin",
): Promise<boolean> {
  return await underSharedLock(client, async () => {
    const isAppRole = ({ kind }: Leftover) => kind === "APP_ROLE";
    const role = (await findLeftovers(client, names, tenantId)).find(isAppRole);
    if (role === undefined) return false;
    if (!role.ours) throw partialState(role);
    await client.query(`alter role ${ident(names.appRole)} ${login}`);
    return true;
  });
}

const LOOK_EVERY_MS = 50;
/** A login that was let in at the last moment shows as a session a little later. */
const QUIET_LOOKS = 3;
const GIVE_UP_MS = 10_000;

/**
 * Ends every session of a role that cannot log in any more, wherever on the server it is, and looks
 * again until none is left: usually within a fifth of a second.
 *
 * @returns how many sessions were ended
 * @throws DomainError E_UNAVAILABLE when a session does not end within 10 s
 */
export async function endSessionsOf(client: ClientBase, role: string): Promise<number> {
  const ended = new Set<number>();
  const until = Date.now() + GIVE_UP_MS;
  for (let quiet = 0; quiet < QUIET_LOOKS; await delay(LOOK_EVERY_MS)) {
    const { rows } = await client.query<{ pid: number }>(
      `select pid, pg_catalog.pg_terminate_backend(pid)
       from pg_catalog.pg_stat_activity where usename = $1`,
      [role],
    );
    for (const { pid } of rows) ended.add(pid);
    quiet = rows.length === 0 ? quiet + 1 : 0;
    if (rows.length > 0 && Date.now() > until) {
      throw new DomainError("E_UNAVAILABLE", {
        message: `${rows.length} sessions of ${role} do not end`,
      });
    }
  }
  return ended.size;
}
