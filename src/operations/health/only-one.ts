import { platformConfig } from "../../database/connect.ts";
import { withConnection } from "../../database/own-connection.ts";

/**
 * Runs `work` while no other process of the platform runs work of that name; a process that dies
 * lets go by itself.
 *
 * @param url connection URL of the platform database
 * @returns null where another one is at it
 */
export async function onlyOne<T>(
  url: string,
  name: string,
  work: () => Promise<T>,
): Promise<T | null> {
  // A connection that breaks loses the lock: what runs then is safe to be done twice.
  return await withConnection(platformConfig(url, name), async (client) => {
    const { rows } = await client.query<{ locked: boolean }>(
      "select pg_catalog.pg_try_advisory_lock(hashtextextended($1, 0)) as locked",
      [`tenantry:${name}`],
    );
    return rows[0]?.locked === true ? await work() : null;
  });
}
