import { record } from "../../audit/record.ts";
import type { KeyPorts } from "./key-record.ts";
import { type SigningKey, SigningKeyEntity } from "./signing-key.entity.ts";

const SYSTEM = { kind: "SYSTEM", id: "system", name: "key rotation", address: null } as const;

/**
 * Removes the private halves of keys that are over from the secret store. Any number of processes may
 * do so at once; a key that cannot be purged now stays marked as not purged, and is tried again.
 */
export async function purgeKeys(
  { em, secrets, clock }: KeyPorts,
  keys: readonly SigningKey[],
): Promise<void> {
  for (const { id, secretName } of keys) {
    try {
      await secrets.purge(secretName);
      await em.fork().transactional(async (tx) => {
        const unpurged = { id, purgedAt: null };
        const count = await tx.nativeUpdate(SigningKeyEntity, unpurged, { purgedAt: clock() });
        if (count > 0) record(tx, SYSTEM, { type: "SIGNING_KEY_PURGED", detail: { keyId: id } });
      });
    } catch {
      // `signing-key list` shows it as not purged, and readiness tells of a secret store that is down.
    }
  }
}
