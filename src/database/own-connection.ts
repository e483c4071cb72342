import pg from "pg";

/**
 * Runs `work` on a connection of its own, which is closed whatever happens.
 *
 * @throws what connecting or `work` fails with; a connection that breaks between two statements fails
 *   the next one
 */
export async function withConnection<T>(
  config: pg.ClientConfig,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(config);
  outliveBreaks(client);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Lets a connection that breaks between two statements fail the next one; unheard, its error ends the process. */
export function outliveBreaks(client: pg.ClientBase): void {
  client.on("error", () => {});
}
