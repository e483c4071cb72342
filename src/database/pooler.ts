import { randomUUID } from "node:crypto";
import type { ClientBase } from "pg";
import { redactText } from "../kernel/redact.ts";

/** Runs work on a connection of its own to one database. */
export type Connect = <T>(work: (client: ClientBase) => Promise<T>) => Promise<T>;

/** Transactions that are open at once: a pooler has to hand out backends that were used before. */
const HOLDERS = 3;

/**
 * Whether a database is reached through a pooler in transaction mode, which gives each transaction
 * another backend: advisory locks would be left behind on one, and a tenant's search_path would meet
 * another tenant.
 */
export const isTransactionPooled = (connect: Connect): Promise<boolean> =>
  connect(async (client) => {
    const token = randomUUID();
    await client.query("select set_config('tenantry.probe', $1, false)", [token]);
    const seen = new Set([(await look(client)).pid]);
    const pooledWithin = async (left: number): Promise<boolean> => {
      if (left === 0) {
        // Directly connected, the first session is where it was, and has what it was given.
        const after = await look(client);
        return !seen.has(after.pid) || after.token !== token;
      }
      return await connect(async (holder) => {
        await holder.query("begin");
        const { pid, token: foreign } = await look(holder);
        return seen.has(pid) || foreign === token || (await pooledWithin(left - 1));
      });
    };
    return await pooledWithin(HOLDERS);
  });

/** Whether a session has the settings that it was started with (`connectionConfig`). */
export async function settingsArrive(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ arrived: boolean }>(
    "select coalesce(current_setting('tenantry.session', true), '') = 'set' as arrived",
  );
  return rows[0]?.arrived === true;
}

/**
 * What a pooler said that takes no settings at the start of a session, as PgBouncer does; null for any
 * other error.
 */
export function refusedSetting(error: unknown): string | null {
  const { message } = error instanceof Error ? error : { message: "" };
  return /unsupported startup parameter/i.test(message) ? redactText(message).slice(0, 200) : null;
}

interface Session {
  readonly pid: number;
  readonly token: string | null;
}

async function look(client: ClientBase): Promise<Session> {
  const { rows } = await client.query<Session>(
    "select pg_backend_pid() as pid, current_setting('tenantry.probe', true) as token",
  );
  return rows[0] ?? { pid: 0, token: null };
}
