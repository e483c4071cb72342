import type pg from "pg";
import type { ClientBase } from "pg";
import { connectionConfig } from "../database/connect.ts";
import { holdFenceOf } from "../database/fence.ts";
import { withConnection } from "../database/own-connection.ts";
import { CONNECTION } from "../database/server-pools.ts";
import { ident, literal, scramVerifier } from "../database/sql.ts";
import { newSecret } from "../kernel/ids.ts";
import type { TenantNames } from "../tenants/names.ts";
import { isOnCitus } from "./citus.ts";
import { LONGEST_TIMER_MS } from "./multi-query.ts";
import { underSharedLock } from "./tenant-database.ts";

/**
 * Runs `work` on a connection that has logged in as the tenant's owner role: for code that commits by
 * itself. Behind the wall (`openAsOwner`) nothing commits, and before it such code could become the
 * admin; here it is nobody but the owner. The role can log in until the connection stands, with a
 * password that is known nowhere else.
 *
 * @param client connected to the tenant's database as the admin
 */
export async function onOwnLogin<T>(
  client: ClientBase,
  { ownerRole }: Pick<TenantNames, "ownerRole">,
  work: (own: pg.Client) => Promise<T>,
): Promise<T> {
  const password = newSecret();
  const entry = connectionLike(client, { user: ownerRole, password });
  // Nodes of a cluster enter one another as the owner role, without a password.
  const closed = (await isOnCitus(client)) ? "login password null" : "nologin password null";
  const alter = (change: string) =>
    underSharedLock(client, () => client.query(`alter role ${ident(ownerRole)} ${change}`));
  await alter(`login password ${literal(scramVerifier(password))}`);
  try {
    return await withConnection({ ...entry, query_timeout: LONGEST_TIMER_MS }, async (own) => {
      await holdFenceOf(client, own);
      // Where the fence was raised meanwhile, this fails, and `work` does not begin.
      await alter(closed);
      return await work(own);
    });
  } finally {
    await alter(closed);
  }
}

/** How to enter the same database as a client has, encrypted as it is, as somebody else unless left out. */
export function connectionLike(
  client: ClientBase,
  login?: { readonly user: string; readonly password: string },
) {
  const { host, port, database, ssl, user, password } = client as pg.Client;
  const same = { user: user ?? "", password: password ?? "" };
  const place = { host, port, database: database ?? "", ...same, ...login };
  return {
    ...connectionConfig({ ...place, tls: { mode: "disable" } }),
    ...CONNECTION,
    ssl,
    Client: client.constructor as typeof pg.Client,
  };
}
