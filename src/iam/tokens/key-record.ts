import type { EntityManager } from "@mikro-orm/postgresql";
import type { JWK } from "jose";
import { serialise } from "../../database/locks.ts";
import type { Clock } from "../../kernel/clock.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { secretCalled } from "../../secrets/naming.ts";
import type { SecretStore } from "../../secrets/secret-store.ts";
import { type KeyPurpose, type SigningKey, SigningKeyEntity } from "./signing-key.entity.ts";

export interface KeyPorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly secrets: SecretStore;
  readonly clock: Clock;
}

/** A key that was just made: its id, its public half if it has one, and what must stay secret. */
export interface NewKey {
  readonly id: string;
  readonly publicJwk: JWK | null;
  readonly secret: string;
}

/** Lets one transaction at a time change the keys of a purpose. */
export const lockKeys = (tx: EntityManager, purpose: KeyPurpose): Promise<void> =>
  serialise(tx, `key:${purpose}`);

/**
 * Answers the newest key of a purpose; makes it where there is none. Processes that do so at once
 * agree on one key.
 */
export async function ensureKey(
  ports: KeyPorts,
  purpose: KeyPurpose,
  make: () => Promise<NewKey>,
): Promise<SigningKey> {
  return await ports.em.fork().transactional(async (tx) => {
    await lockKeys(tx, purpose);
    const newest = await tx.findOne(SigningKeyEntity, { purpose, retiredAt: null });
    if (newest !== null) return newest;
    return await addKey(tx, ports, { purpose, made: await make(), signsFrom: ports.clock() });
  });
}

interface AddedKey {
  readonly purpose: KeyPurpose;
  readonly made: NewKey;
  readonly signsFrom: Date;
}

/** Keeps a new key in the caller's transaction, its secret half in the secret store. */
export async function addKey(
  tx: EntityManager,
  { secrets, clock }: Pick<KeyPorts, "secrets" | "clock">,
  { purpose, made: { id, publicJwk, secret }, signsFrom }: AddedKey,
): Promise<SigningKey> {
  const secretName = `platform-signing-key-${id}`;
  await secrets.set(secretName, secret, { purpose: `platform ${purpose.toLowerCase()} key` });
  const key = tx.create(SigningKeyEntity, {
    ...{ id, purpose, publicJwk, secretName, createdAt: clock(), signsFrom },
    ...{ retiredAt: null, verifiesUntil: null, purgedAt: null },
  });
  tx.persist(key);
  return key;
}

/**
 * Reads a key's secret half.
 *
 * @throws DomainError E_SECRET_STORE when the store has lost it
 */
export async function keySecret(secrets: SecretStore, key: SigningKey): Promise<string> {
  const secret = await secrets.get(key.secretName);
  if (secret === null) {
    throw new DomainError("E_SECRET_STORE", {
      message: `The secret store has no ${secretCalled(key.secretName)}, which this platform signs with`,
      retryable: false,
    });
  }
  return secret.value;
}
