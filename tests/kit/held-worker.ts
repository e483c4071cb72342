// A worker with its secrets in the vault of the URL, or else in the local store. It stands still directly
// before it stores or purges the secrets that its plan names; told to die, it does so directly behind that.

import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { openOrm } from "../../src/database/orm.ts";
import { PLATFORM_ENTITIES } from "../../src/entities.ts";
import { openLocalSecretStore } from "../../src/secrets/local-secret-store.ts";
import type { SecretStore } from "../../src/secrets/secret-store.ts";
import { startPlatformWorker } from "../../src/worker.ts";
import { openTestStore } from "./key-vault.ts";

/** What the worker is to do, by the names of secrets. */
export interface HeldPlan {
  readonly vault?: string | undefined;
  readonly calls?: Readonly<Record<string, "set" | "purge">>;
  readonly dies?: boolean;
}

const environment = JSON.parse(process.argv[2] ?? "{}") as Record<string, string>;
const { vault, calls = {}, dies = false } = JSON.parse(process.argv[3] ?? "{}") as HeldPlan;

async function openStore(): Promise<SecretStore> {
  // It sleeps longer than it would wait for a vault otherwise.
  if (vault !== undefined)
    return openTestStore(vault, { patience: { callMs: 120_000, settleMs: 120_000 } });
  const { DATABASE_URL: url = "", DATA_DIR: dataDir = "" } = environment;
  const { em } = openOrm({ url, entities: PLATFORM_ENTITIES });
  return await openLocalSecretStore({ em, dataDir });
}

const stood = new Set<string>();
async function standStill(name: string, call: "set" | "purge"): Promise<void> {
  if (calls[name] !== call || stood.has(name)) return;
  stood.add(name);
  const goOn = new Promise((resolve) => process.once("message", resolve));
  process.send?.({ standing: name });
  await goOn;
}

const inner = await openStore();
const secrets: SecretStore = {
  get: (...asked) => inner.get(...asked),
  holder: (...asked) => inner.holder(...asked),
  restore: (...asked) => inner.restore(...asked),
  check: () => inner.check(),
  set: async (name, value, tags) => {
    await standStill(name, "set");
    const stored = await inner.set(name, value, tags);
    if (dies && stood.has(name)) process.kill(process.pid, "SIGKILL");
    return stored;
  },
  purge: async (name, condition) => {
    const stillWanted = async () => {
      await condition?.stillWanted();
      await standStill(name, "purge");
    };
    await inner.purge(name, condition && { ...condition, stillWanted });
  },
};
await startPlatformWorker(await assemble(readConfig(environment), { secrets }));
process.send?.({ ready: true });
