import pg from "pg";
import type { ConnectionConfig } from "./connect.ts";

/**
 * Runs `work` on a connection of its own, which is closed whatever happens.
 *
 * @throws what connecting or `work` fails with; a connection that breaks between two statements fails
 *   the next one
 */
export async function withConnection<T>(
  config: ConnectionConfig,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = newClient(config);
  outliveBreaks(client);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** A client that is not connected yet, of the class that the configuration asks for, as a pool makes it. */
export const newClient = (config: ConnectionConfig): pg.Client =>
  new (config.Client ?? pg.Client)(config);

/** Lets a connection that breaks between two statements fail the next one; unheard, its error ends the process. */
export function outliveBreaks(client: pg.ClientBase): void {
  client.on("error", () => {});
}
