import { ident, literal, scramVerifier } from "../database/sql.ts";
import { newSecret } from "../kernel/ids.ts";
import { groupRoleOf, joinGroup, underSharedLock } from "../tenant-schemas/tenant-database.ts";
import { type AdminLogin, unresolved, whyNotEntered } from "./admin-login.ts";
import type { HostPolicy } from "./host-rules.ts";
import { strangerEntrance, type Target } from "./probe-server.ts";

/**
 * Looks whether a role that is made on a server can log in, as every tenant's has to: pg_hba.conf or
 * something in between may know the admin alone. The role is dropped again.
 *
 * @param tenantDatabase the server's database for tenants, prepared
 * @throws DomainError E_ADMIN_CONN_UNRESOLVED with what the server says
 */
export async function tryNewRole(
  target: Target,
  admin: AdminLogin,
  policy: HostPolicy,
  tenantDatabase: string,
): Promise<void> {
  const [role, password] = [`tenantry_probe_${newSecret(9)}`.toLowerCase(), newSecret()];
  const asRole = strangerEntrance(target, { ...admin, user: role, password }, policy);
  await strangerEntrance(
    target,
    admin,
    policy,
  )(tenantDatabase, async (client) => {
    await underSharedLock(client, async () => {
      const verifier = literal(scramVerifier(password));
      await client.query(`create role ${ident(role)} login password ${verifier}`);
      await joinGroup(client, groupRoleOf(tenantDatabase), [role]);
    });
    try {
      await asRole(tenantDatabase, (own) => own.query("select"));
    } catch (error) {
      const { cause = error } = error as { cause?: unknown };
      const why = `roles that are made on it cannot log in, as tenants' do: ${whyNotEntered(cause)}`;
      throw unresolved(target, why, cause);
    } finally {
      await underSharedLock(client, () => client.query(`drop role ${ident(role)}`));
    }
  });
}
