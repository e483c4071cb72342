import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openApi } from "../api/transport/server.ts";
import { assemble } from "../assemble.ts";
import { type Config, readConfig } from "../config.ts";
import { ensureFirstAdmin } from "../iam/users/first-admin.ts";
import { newSecret } from "../kernel/ids.ts";
import { startPlatformWorker } from "../worker.ts";

/** The running service, and what its client needs to know. */
export interface DemoService extends AsyncDisposable {
  readonly url: string;
  readonly admin: { readonly email: string; readonly password: string };
  /** Where mail is written as files. */
  readonly mailDir: string;
}

/** The demo's configuration: a data folder of its own, so that the service's is left alone. */
export function demoConfig(): Config {
  const config = readConfig();
  const dataDir = join(config.dataDir, "demo");
  return {
    ...config,
    mode: "development",
    dataDir,
    database: { kind: "embedded", dataDir },
    secretStore:
      config.secretStore.kind === "local" ? { kind: "local", dataDir } : config.secretStore,
    smtpUrl: undefined,
    host: "127.0.0.1",
    port: 0,
    logLevel: config.logLevel === "info" ? "warn" : config.logLevel,
  };
}

/**
 * Opens the service in this process, as `npm start` does: database, worker and API on a free port.
 *
 * @param tell is told of each part when it stands
 */
export async function openDemoService(
  config: Config,
  tell: (part: string) => void,
): Promise<DemoService> {
  const parts = new AsyncDisposableStack();
  try {
    const admin = { email: config.firstAdmin.email, password: await keptPassword(config.dataDir) };
    const platform = await assemble(config);
    parts.defer(() => platform.close());
    await ensureFirstAdmin({ em: platform.orm.em, clock: platform.clock }, admin);
    tell("PostgreSQL runs, the platform schema is migrated");
    const worker = await startPlatformWorker(platform);
    parts.defer(() => worker.stop());
    const api = await openApi(platform);
    parts.defer(() => api.close());
    tell(`API and worker run: ${api.url}`);
    const mailDir = join(config.dataDir, "mail");
    return {
      url: api.url,
      admin,
      mailDir,
      [Symbol.asyncDispose]: () => parts.disposeAsync(),
    };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}

/** The administrator's password, made at the first run: the next one finds the same platform. */
async function keptPassword(dataDir: string): Promise<string> {
  const file = join(dataDir, "demo-admin-password");
  await mkdir(dataDir, { recursive: true });
  try {
    await writeFile(file, newSecret(), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  return await readFile(file, "utf8");
}
