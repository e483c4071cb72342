import { describe, inject } from "vitest";
import type { DbServer } from "../../src/placement/db-server.entity.ts";
import type { Platform } from "../../src/platform.ts";
import { asSuperuser } from "./database.ts";
import { registerServer } from "./servers.ts";

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

/** Registers the cluster as a db server, free of the mark of an earlier run's platform, which is gone. */
export async function registerCluster(platform: Platform): Promise<DbServer> {
  await askCoordinator(
    "do $$ begin if to_regnamespace('ext') is not null then comment on schema ext is null; end if; end $$",
  );
  return await registerServer(platform, coordinator(), { name: "cluster", kind: "CITUS" });
}
