import type pg from "pg";
import { type ConnectionConfig, PromptClient } from "./connect.ts";

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
  new (config.Client ?? PromptClient)(config);

/**
 * Ends a connection whose state is not known, such as one that did not take its session's settings back: a
 * pool that it is given back to makes another.
 */
export function giveUp(client: pg.ClientBase): void {
  (client as pg.Client).end().catch(() => {});
}

/** Lets a pool live with connections that break, and keep none that is given back in the middle of a transaction. */
export function keepOnlyWhole(pool: pg.Pool): void {
  // An idle connection that breaks is replaced at the next use; unheard, its error would end the process.
  pool.on("error", () => {});
  pool.on("connect", outliveBreaks);
  pool.on("release", (_error, client) => {
    // Behind an error the status is the one from before until the server is ready again.
    const { readyForQuery } = client as pg.PoolClient & { readonly readyForQuery: boolean };
    if (!readyForQuery || client.getTransactionStatus() !== "I") giveUp(client);
  });
}

/** Lets a connection that breaks between two statements fail the next one; unheard, its error ends the process. */
export function outliveBreaks(client: pg.ClientBase): void {
  client.on("error", () => {});
}
