import pg from "pg";
import type { SecretStore } from "../../src/secrets/secret-store.ts";

/** Clients of a tenant that read its secret and connect afresh, again and again. */
export interface Storm {
  /** How many attempts have ended, and why those failed that did. */
  readonly attempts: number;
  readonly refused: readonly string[];
  /** How many attempts each role has come in by. */
  readonly roles: ReadonlyMap<string, number>;
  /** Waits until so many attempts have ended. */
  reaches(attempts: number): Promise<void>;
  /** Ends it, behind the attempts that are under way. */
  stop(): Promise<void>;
}

/** Lets so many clients connect, each as fast as it can. */
export function storm(secrets: SecretStore, secretName: string, clients: number): Storm {
  let attempts = 0;
  let going = true;
  const refused: string[] = [];
  const roles = new Map<string, number>();
  const waiting = new Set<{ readonly at: number; readonly go: () => void }>();
  const client = async () => {
    while (going) {
      try {
        const role = await connectOnce(secrets, secretName);
        roles.set(role, (roles.get(role) ?? 0) + 1);
      } catch (error) {
        refused.push(String(error));
      }
      attempts += 1;
      for (const waiter of waiting) if (attempts >= waiter.at) waiter.go();
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return {
    get attempts() {
      return attempts;
    },
    refused,
    roles,
    reaches: (at) => new Promise((go) => waiting.add({ at, go })),
    stop: async () => {
      going = false;
      await all;
    },
  };
}

/** Reads the secret and works with it once, as an application that starts; answers who it was. */
export async function connectOnce(secrets: SecretStore, secretName: string): Promise<string> {
  const secret = await secrets.get(secretName);
  const client = new pg.Client({ connectionString: secret?.value ?? "" });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ role: string }>(
      "select current_user as role, count(*) from organization",
    );
    return rows[0]?.role ?? "";
  } finally {
    await client.end().catch(() => undefined);
  }
}
