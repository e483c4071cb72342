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

/**
 * Answers the newest key of a purpose; makes it where there is none. Processes that do so at once
 * agree on one key.
 *
 * @throws DomainError E_SECRET_STORE
 */
export async function ensureKey(
  ports: KeyPorts,
  purpose: KeyPurpose,
  make: () => Promise<NewKey>,
): Promise<SigningKey> {
  const newest = (em: EntityManager) => em.findOne(SigningKeyEntity, { purpose, retiredAt: null });
  const known = await newest(ports.em.fork());
  if (known !== null) return known;
  const { key } = await offerKey(ports, purpose, await make(), async (tx, keep) => ({
    key: (await newest(tx)) ?? keep(ports.clock()),
  }));
  return key;
}

/**
 * Stores the secret half of a new key, then lets `choose` keep the key or answer another one, in a
 * transaction that no other change of the purpose's keys runs beside. The transaction waits for no
 * secret store. A secret that a killed process leaves behind is named by no key, and opens nothing.
 *
 * @param choose `keep` keeps the key, which signs from that moment on
 * @throws DomainError E_SECRET_STORE
 */
export async function offerKey<T extends { readonly key: SigningKey }>(
  { em, secrets, clock }: KeyPorts,
  purpose: KeyPurpose,
  { id, publicJwk, secret }: NewKey,
  choose: (tx: EntityManager, keep: (signsFrom: Date) => SigningKey) => Promise<T>,
): Promise<T> {
  const secretName = `platform-signing-key-${id}`;
  await secrets.set(secretName, secret, { purpose: `platform ${purpose.toLowerCase()} key` });
  const answer = await em.fork().transactional(async (tx) => {
    await serialise(tx, `key:${purpose}`);
    return await choose(tx, (signsFrom) => {
      const key = tx.create(SigningKeyEntity, {
        id,
        purpose,
        publicJwk,
        secretName,
        createdAt: clock(),
        signsFrom,
        retiredAt: null,
        verifiesUntil: null,
        purgedAt: null,
      });
      tx.persist(key);
      return key;
    });
  });
  // Only where it is known that no row has it: a commit whose answer is lost may have kept it.
  if (answer.key.id !== id) await secrets.purge(secretName).catch(() => undefined);
  return answer;
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
