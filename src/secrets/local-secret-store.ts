import type { EntityManager } from "@mikro-orm/postgresql";
import { serialise } from "../database/locks.ts";
import { DomainError, isDomainError } from "../kernel/domain-error.ts";
import { newId } from "../kernel/ids.ts";
import { type Sealed, seal, unseal } from "./cipher.ts";
import { createKeyFile, readKeyFile } from "./key-file.ts";
import {
  bearsTags,
  type PurgeCondition,
  Secret,
  type SecretHolder,
  type SecretStore,
  type SecretTags,
  secretName,
  storeUnusable,
} from "./secret-store.ts";
import { SecretVersionEntity } from "./secret-version.entity.ts";

interface LocalSecretStorePorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  /** Where the key file lies or is made. */
  readonly dataDir: string;
  /** Whether the key must be there already; it is made where nothing is encrypted yet, unless told. */
  readonly existing?: boolean;
}

// No secret can have this name (its underscore): it tells whether a key is the one of this database.
const KEY_CHECK = { name: "key_check", version: "1" };

const contextOf = (row: { name: string; version: string }) => `${row.name}\n${row.version}`;

/**
 * Opens the local secret store: AES-256-GCM in the platform database, with the key in a file of the
 * data directory. The first one to open it makes the key; the database must be migrated.
 *
 * @throws DomainError E_SECRET_STORE when the data directory is not that of this database
 */
export async function openLocalSecretStore(ports: LocalSecretStorePorts): Promise<SecretStore> {
  const key = await loadKey(ports);
  return new LocalSecretStore(ports.em, key);
}

/** Loads the key that this database is encrypted with, or makes it where nothing is encrypted yet. */
async function loadKey({ em, dataDir, existing }: LocalSecretStorePorts): Promise<Buffer> {
  return await em.fork().transactional(async (tx) => {
    await serialise(tx, "secret-key");
    const check = await tx.findOne(SecretVersionEntity, KEY_CHECK);
    if (check === null) {
      if (existing) throw notHere();
      await createKeyFile(dataDir);
    }
    const key = await readKeyFile(dataDir);
    if (key === null) throw wrongKey("has no secret.key");
    if (check === null) {
      const sealed = seal(key, contextOf(KEY_CHECK), "");
      tx.persist(tx.create(SecretVersionEntity, { ...KEY_CHECK, ...sealed, tags: {} }));
    } else if (unseal(key, contextOf(KEY_CHECK), check) === null) {
      throw wrongKey("holds the secret.key of another database");
    }
    return key;
  });
}

const wrongKey = (fault: string) =>
  new DomainError("E_SECRET_STORE", {
    message: `The secrets of this database cannot be decrypted: the data directory ${fault}. Check DATA_DIR, or restore secret.key from its backup.`,
    retryable: false,
  });

const notHere = () =>
  new DomainError("E_SECRET_STORE", {
    message:
      "This platform keeps its secrets elsewhere than in the local store: set AZURE_KEY_VAULT_URL as the service has it.",
    retryable: false,
  });

class LocalSecretStore implements SecretStore {
  readonly #em: EntityManager;
  readonly #key: Buffer;

  constructor(em: EntityManager, key: Buffer) {
    this.#em = em;
    this.#key = key;
  }

  async get(name: string, version?: string): Promise<Secret | null> {
    const which = { name: secretName(name), ...(version === undefined ? {} : { version }) };
    const row = await this.#em
      .fork()
      .findOne(SecretVersionEntity, which, { orderBy: { ordinal: "desc" } });
    return row && new Secret(this.#open(row), row.version, row.tags);
  }

  async holder(name: string): Promise<SecretHolder | null> {
    const found = await this.get(name);
    return found && { tags: found.tags, deleted: false };
  }

  async set(name: string, value: string, tags: SecretTags): Promise<{ version: string }> {
    const id = { name: secretName(name), version: newId().replaceAll("-", "") };
    const sealed = seal(this.#key, contextOf(id), value);
    await this.#em.fork().insert(SecretVersionEntity, { ...id, ...sealed, tags });
    return { version: id.version };
  }

  async restore(
    name: string,
    version: string,
    tags: SecretTags,
  ): Promise<{ version: string } | null> {
    const wanted = await this.get(name, version);
    return wanted && (await this.set(name, wanted.value, tags));
  }

  async purge(name: string, condition?: PurgeCondition): Promise<void> {
    const em = this.#em.fork();
    const where = { name: secretName(name) };
    const newest = await em.findOne(SecretVersionEntity, where, { orderBy: { ordinal: "desc" } });
    if (newest === null || (condition && !bearsTags(newest.tags, condition.tags))) return;
    await condition?.stillWanted();
    // A statement that comes late finds nothing that was stored since.
    await em.nativeDelete(SecretVersionEntity, { ...where, ordinal: { $lte: newest.ordinal } });
  }

  async check(): Promise<void> {
    try {
      const row = await this.#em.fork().findOne(SecretVersionEntity, KEY_CHECK);
      if (row === null) throw wrongKey("is not known to it any more");
      this.#open(row);
    } catch (error) {
      // The platform database being away is told as that.
      throw isDomainError(error) ? storeUnusable(error) : error;
    }
  }

  #open(row: Sealed & { name: string; version: string }): string {
    const value = unseal(this.#key, contextOf(row), row);
    if (value === null) throw wrongKey("holds another key, or the secret was changed by hand");
    return value;
  }
}
