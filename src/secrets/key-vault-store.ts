import { setTimeout as delay } from "node:timers/promises";
import type { KeyVaultSecret, SecretProperties } from "@azure/keyvault-secrets";
import type { Logger } from "../observability/logger.ts";
import { KeyVaultClient, PROBE, type VaultConnection } from "./key-vault-client.ts";
import { isVaultState, type VaultFault } from "./key-vault-faults.ts";
import {
  bearsTags,
  foreignSecret,
  type PurgeCondition,
  Secret,
  type SecretHolder,
  type SecretStore,
  type SecretTags,
  secretName,
  storeUnusable,
} from "./secret-store.ts";

/** How long the store waits for the vault, in milliseconds. */
interface Patience {
  /** For one call, with its retries. */
  readonly callMs: number;
  /** For the answer whether the vault can be used. */
  readonly checkMs: number;
  /** For a secret to be deleted or recovered, which the vault does in its own time. */
  readonly settleMs: number;
  /** Between two looks at that. */
  readonly pauseMs: number;
}

const PATIENCE: Patience = { callMs: 20_000, checkMs: 5_000, settleMs: 60_000, pauseMs: 1_000 };

export interface KeyVaultStoreOptions extends VaultConnection {
  readonly log: Logger;
  readonly patience?: Partial<Patience>;
}

const DELETED = "ObjectIsDeletedButRecoverable";
const DELETING = "ObjectIsBeingDeleted";
const RECOVERING = "ObjectIsBeingRecovered";
const ABSENT = "SecretNotFound";

/** Tags the last version of a purged secret; with it a recovered name still counts as absent. */
const PURGED_TAG = "tenantry-purged";

/** Opens a store in Azure Key Vault; nothing is sent before it is used. */
export const openKeyVaultStore = (options: KeyVaultStoreOptions): SecretStore =>
  new KeyVaultStore(options);

class KeyVaultStore implements SecretStore {
  readonly #vault: KeyVaultClient;
  readonly #log: Logger;
  readonly #patience: Patience;

  constructor({ log, patience, ...connection }: KeyVaultStoreOptions) {
    this.#vault = new KeyVaultClient(connection);
    this.#log = log;
    this.#patience = { ...PATIENCE, ...patience };
  }

  async get(name: string, version?: string): Promise<Secret | null> {
    const found = await this.#read(secretName(name), version);
    if (!found || isPurged(found.properties)) return null;
    return new Secret(found.value ?? "", versionOf(found), found.properties.tags ?? {});
  }

  async holder(raw: string): Promise<SecretHolder | null> {
    const name = secretName(raw);
    const live = (await this.#read(name))?.properties;
    const found = live ?? (await this.#readDeleted(name));
    if (found === null || isPurged(found)) return null;
    return { tags: found.tags ?? {}, deleted: live === undefined };
  }

  async set(name: string, value: string, tags: SecretTags): Promise<{ version: string }> {
    return { version: await this.#write(secretName(name), value, tags) };
  }

  /**
   * As the port says; where the vault's purge protection is on, the secret stays deleted and can be
   * recovered by hand until its retention ends, but counts as absent here for good.
   */
  async purge(raw: string, condition?: PurgeCondition): Promise<void> {
    const name = secretName(raw);
    const current = await this.#read(name);
    if (current && !isPurged(current.properties)) {
      if (condition && !bearsTags(current.properties.tags, condition.tags)) return;
      await condition?.stillWanted();
      // A recovered name would come back with its old value and owner.
      await this.#write(name, "purged", { [PURGED_TAG]: "true" });
    }
    await this.#settled(async () => {
      // Somebody may have stored another one over the mark.
      const newest = await this.#read(name);
      if (newest && !isPurged(newest.properties)) return;
      await condition?.stillWanted();
      await this.#delete(name);
    });
    const deleted = await this.#readDeleted(name);
    // What bears another mark was deleted by somebody else.
    if (deleted === null || !isPurged(deleted)) return;
    if (!isPurgeable(deleted)) {
      this.#log.info({ secretName: name }, "purge protection is on: the secret stays recoverable");
      return;
    }
    await condition?.stillWanted();
    await this.#settled(() => this.#purgeDeleted(name));
  }

  async restore(
    raw: string,
    version: string,
    tags: SecretTags,
  ): Promise<{ version: string } | null> {
    const name = secretName(raw);
    const until = performance.now() + this.#patience.settleMs;
    // While it is being deleted it can be neither read nor recovered.
    while ((await this.#read(name)) === null && (await this.#recover(name, tags))) {
      if (performance.now() > until) break;
      await delay(this.#patience.pauseMs);
    }
    const wanted = await this.#read(name, version);
    if (wanted === null || isPurged(wanted.properties)) return null;
    return await this.set(name, wanted.value ?? "", tags);
  }

  async check(): Promise<void> {
    const call = { right: "get", name: PROBE, withinMs: this.#patience.checkMs } as const;
    const asked = this.#vault.call(call, (client, signal) => client.getSecret(PROBE, signal));
    await absentAs(null, asked, [ABSENT]).catch((fault: VaultFault) => {
      throw storeUnusable(fault);
    });
  }

  async #read(name: string, version?: string): Promise<KeyVaultSecret | null> {
    const call = { right: "get", name, withinMs: this.#patience.callMs } as const;
    const which = version === undefined ? {} : { version };
    const found = this.#vault.call(call, (client, signal) =>
      client.getSecret(name, { ...signal, ...which }),
    );
    return await absentAs(null, found, [ABSENT, DELETED, DELETING]);
  }

  async #readDeleted(name: string): Promise<SecretProperties | null> {
    const call = { right: "get", name, withinMs: this.#patience.callMs } as const;
    const found = this.#vault.call(
      call,
      async (client, signal) => (await client.getDeletedSecret(name, signal)).properties,
    );
    return await absentAs(null, found, [ABSENT]);
  }

  async #write(name: string, value: string, tags: SecretTags): Promise<string> {
    const call = { right: "set", name, withinMs: this.#patience.callMs } as const;
    return await this.#settled(
      async () =>
        versionOf(
          await this.#vault.call(call, (client, signal) =>
            client.setSecret(name, value, { ...signal, tags: { ...tags } }),
          ),
        ),
      () => this.#recover(name, tags),
    );
  }

  async #delete(name: string): Promise<void> {
    const { settleMs: withinMs, pauseMs: intervalInMs } = this.#patience;
    const deleted = this.#vault.call(
      { right: "delete", name, withinMs },
      async (client, signal) => {
        const poller = await client.beginDeleteSecret(name, { ...signal, intervalInMs });
        await poller.pollUntilDone(signal);
      },
    );
    await absentAs(undefined, deleted, [ABSENT, DELETED]);
  }

  /**
   * Recovers a deleted secret that bears these tags, or was purged as far as the vault allows; false where
   * there is none.
   */
  async #recover(name: string, tags: SecretTags): Promise<boolean> {
    const deleted = await this.#readDeleted(name);
    if (deleted !== null && !isPurged(deleted) && !bearsTags(deleted.tags, tags))
      throw foreignSecret(name, { deleted: true });
    const { settleMs: withinMs, pauseMs: intervalInMs } = this.#patience;
    const recovered = this.#vault.call(
      { right: "recover", name, withinMs },
      async (client, signal) => {
        const poller = await client.beginRecoverDeletedSecret(name, { ...signal, intervalInMs });
        await poller.pollUntilDone(signal);
        return true;
      },
    );
    // Another process may have been faster: to recover it, or to purge it.
    return await absentAs(false, absentAs(true, recovered, [RECOVERING, DELETING]), [ABSENT]);
  }

  async #purgeDeleted(name: string): Promise<void> {
    const call = { right: "purge", name, withinMs: this.#patience.callMs } as const;
    const purged = this.#vault.call(call, (client, signal) =>
      client.purgeDeletedSecret(name, signal),
    );
    await absentAs(undefined, purged, [ABSENT]);
  }

  /** Does `work` when the vault is no longer busy deleting or recovering the secret. */
  async #settled<T>(work: () => Promise<T>, recover?: () => Promise<unknown>): Promise<T> {
    const until = performance.now() + this.#patience.settleMs;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const deleted = recover && isVaultState(error, DELETED);
        const waits = deleted || isVaultState(error, DELETING, RECOVERING);
        if (!waits || performance.now() > until) throw error;
        if (deleted) await recover();
      }
      await delay(this.#patience.pauseMs);
    }
  }
}

/** What was asked for, or `absent` where the vault's answer is one of these states. */
async function absentAs<T, A>(
  absent: A,
  asked: Promise<T>,
  states: readonly string[],
): Promise<T | A> {
  try {
    return await asked;
  } catch (error) {
    if (isVaultState(error, ...states)) return absent;
    throw error;
  }
}

const isPurged = ({ tags }: SecretProperties): boolean => tags?.[PURGED_TAG] !== undefined;

/** Whether the vault lets anybody purge, by its recovery level (`Recoverable+Purgeable` and the like). */
const isPurgeable = ({ recoveryLevel = "" }: SecretProperties): boolean =>
  recoveryLevel.includes("Purgeable");

function versionOf({ properties }: KeyVaultSecret): string {
  if (properties.version === undefined) throw new Error("Key Vault told no version");
  return properties.version;
}
