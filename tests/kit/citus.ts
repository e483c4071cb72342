import { describe, inject } from "vitest";
import { asSuperuser } from "./database.ts";

const url = inject("citusUrl");

/** Tests on a real Citus cluster, of which `CITUS_URL` names the coordinator; skipped where none is named. */
export const describeOnCitus = describe.skipIf(url === null);

/** The coordinator, as a server that can be registered. */
export function coordinator() {
  if (url === null) throw new Error("CITUS_URL is not set");
  const at = new URL(url);
  return { host: at.hostname, port: Number(at.port || 5432), url };
}

/** Asks the coordinator as its superuser. */
export const askCoordinator = async <Row extends object>(text: string): Promise<Row[]> =>
  await asSuperuser(coordinator().url, async (client) => (await client.query<Row>(text)).rows);
