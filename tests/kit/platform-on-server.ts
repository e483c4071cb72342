import pg from "pg";
import { freshName } from "./database.ts";
import { openPlatform, type TestPlatform } from "./platform.ts";
import { startServer, type TestServer } from "./servers.ts";
import type { Around } from "./wrap.ts";

/** A platform on a server of its own, which a test may take away. */
export interface PlatformOnServer extends TestPlatform {
  readonly server: TestServer;
  /** Runs `work` as the server's superuser, whatever the platform's connections have come to. */
  asAdmin<T>(work: (client: pg.Client) => Promise<T>): Promise<T>;
}

/**
 * Opens one, with a worker.
 *
 * @param host name by which the platform reaches the server; its address unless told
 */
export async function openPlatformOnServer(
  worker: Around,
  host?: string,
): Promise<PlatformOnServer> {
  const server = await startServer();
  const asAdmin: PlatformOnServer["asAdmin"] = async (work) => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  };
  const database = freshName("platform_");
  await asAdmin((client) => client.query(`create database ${database}`));
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  if (host) url.hostname = host;
  const opened = await openPlatform({ environment: { DATABASE_URL: url.href }, worker });
  return {
    ...opened,
    server,
    asAdmin,
    [Symbol.asyncDispose]: async () => {
      await opened[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
