import { setTimeout as delay } from "node:timers/promises";
import type { ClientBase } from "pg";
import { ident, literal } from "../database/sql.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { TenantNames } from "../tenants/names.ts";
import {
  alterAppRole,
  endHolders,
  type LoginPlace,
  resetSettings,
  setLoginSettings,
} from "./alter-role.ts";
import { createAppRoleB } from "./create-tenant-schema.ts";
import { findLeftovers, type Leftover, partialState } from "./leftovers.ts";
import { underSharedLock } from "./tenant-database.ts";

interface AppRolesOf {
  readonly names: TenantNames;
  readonly tenantId: string;
}

/** One of a tenant's two app roles, whose login is changed. */
interface AppRoleOf extends AppRolesOf {
  readonly role: string;
}

/**
 * Lets these app roles of a tenant log in and no other, with no settings but ours; open sessions go on.
 * Repeatable.
 *
 * @param open names of app roles; none closes the tenant
 * @returns the app roles that exist
 * @throws DomainError E_PARTIAL_STATE when one bears the tenant's name without being the tenant's
 */
export async function setAppLogins(
  client: ClientBase,
  tenant: AppRolesOf & LoginPlace,
  open: readonly string[],
): Promise<string[]> {
  return await underSharedLock(client, async () => {
    const roles = await ownAppRoles(client, tenant);
    for (const role of roles)
      await alterAppRole(client, role, open.includes(role) ? "login" : "nologin");
    const opened = roles.filter((role) => open.includes(role));
    if (opened.length > 0) await resetSettings(client, opened, tenant);
    return roles;
  });
}

/** The app roles of a tenant that exist; errors as `setAppLogins`. */
export async function ownAppRoles(
  client: ClientBase,
  { names, tenantId }: AppRolesOf,
): Promise<string[]> {
  const isAppRole = ({ kind }: Leftover) => kind === "APP_ROLE";
  const roles = (await findLeftovers(client, names, tenantId)).filter(isAppRole);
  const foreign = roles.find(({ ours }) => !ours);
  if (foreign) throw partialState(foreign);
  return roles.map(({ name }) => name);
}

/** The app roles of a tenant that can log in; errors as `setAppLogins`. */
export async function openAppRoles(client: ClientBase, tenant: AppRolesOf): Promise<string[]> {
  const roles = await ownAppRoles(client, tenant);
  const { rows } = await client.query<{ name: string }>(
    `select rolname as name from pg_catalog.pg_roles
     where rolcanlogin and rolname = any($1) order by 1`,
    [roles],
  );
  return rows.map(({ name }) => name);
}

/**
 * Gives these app roles of a tenant what the sessions of each begin with, and how many it may have; their
 * other settings stay. Repeatable.
 *
 * @param roles those of them that do not exist are left out
 * @returns those that exist
 * @throws DomainError as `setAppLogins`
 */
export async function setAppLimits(
  client: ClientBase,
  tenant: AppRolesOf & LoginPlace,
  roles: readonly string[],
): Promise<string[]> {
  return await underSharedLock(client, async () => {
    const there = (await ownAppRoles(client, tenant)).filter((role) => roles.includes(role));
    await endHolders(client, there);
    for (const role of there) await setLoginSettings(client, role, tenant);
    return there;
  });
}

/**
 * Gives an app role a password, no settings but ours, and the right to log in where the tenant is in use;
 * makes the second one where it is missing. Repeatable; errors as `setAppLogins`.
 *
 * @param options.verifier the password as `scramVerifier` answers it
 */
export async function openAppRole(
  client: ClientBase,
  { role, ...tenant }: AppRoleOf & LoginPlace,
  { verifier, mayLogIn }: { readonly verifier: string; readonly mayLogIn: boolean },
): Promise<void> {
  const { names } = tenant;
  await underSharedLock(client, async () => {
    const roles = await ownAppRoles(client, tenant);
    if (role === names.appRoleB && !roles.includes(role)) await createAppRoleB(client, tenant);
    else await resetSettings(client, [role], tenant);
    const login = mayLogIn ? "login" : "nologin";
    await alterAppRole(client, role, `${login} password ${literal(verifier)}`);
  });
}

/**
 * Takes login and password from an app role and ends its sessions. Repeatable, also where it does
 * not exist; errors as `setAppLogins` and `endSessionsOf`.
 *
 * @param options.drop whether it goes altogether: for one that holds no rights of its own
 * @returns how many sessions were ended
 */
export async function closeAppRole(
  client: ClientBase,
  { names, tenantId, role }: AppRoleOf,
  { drop }: { readonly drop: boolean } = { drop: false },
): Promise<number> {
  const whereThere = async (change: () => Promise<unknown>) =>
    await underSharedLock(client, async () => {
      const there = (await ownAppRoles(client, { names, tenantId })).includes(role);
      if (there) await change();
      return there;
    });
  const close = () => alterAppRole(client, role, "nologin password null");
  if (!(await whereThere(close))) return 0;
  const ended = await endSessionsOf(client, [role]);
  const remove = `drop owned by ${ident(role)}; drop role ${ident(role)}`;
  if (drop) await whereThere(() => client.query(remove));
  return ended;
}

const LOOK_EVERY_MS = 50;
/** A login that was let in at the last moment shows as a session a little later. */
const QUIET_LOOKS = 3;
const GIVE_UP_MS = 10_000;

/**
 * Ends every session of roles that cannot log in any more, wherever on the server it is, and looks
 * again until none is left: usually within a fifth of a second.
 *
 * @returns how many sessions were ended
 * @throws DomainError E_UNAVAILABLE when a session does not end within 10 s
 */
export async function endSessionsOf(client: ClientBase, roles: readonly string[]): Promise<number> {
  const ended = new Set<number>();
  const until = Date.now() + GIVE_UP_MS;
  for (let quiet = 0; ; await delay(LOOK_EVERY_MS)) {
    const { rows } = await client.query<{ pid: number }>(
      `select pid, pg_catalog.pg_terminate_backend(pid)
       from pg_catalog.pg_stat_activity where usename = any($1)`,
      [roles],
    );
    for (const { pid } of rows) ended.add(pid);
    quiet = rows.length === 0 ? quiet + 1 : 0;
    if (quiet === QUIET_LOOKS) return ended.size;
    if (rows.length > 0 && Date.now() > until) {
      throw new DomainError("E_UNAVAILABLE", {
        message: `${rows.length} sessions of ${roles.join(", ")} do not end`,
      });
    }
  }
}
