import type { EntityManager } from "@mikro-orm/postgresql";
import type { Logger } from "../observability/logger.ts";
import { openKeyVaultStore } from "./key-vault-store.ts";
import { openLocalSecretStore } from "./local-secret-store.ts";
import type { SecretStore } from "./secret-store.ts";

/** Which secret store is used, with the settings of that one. */
export type SecretStoreConfig =
  | { readonly kind: "local"; readonly dataDir: string }
  | { readonly kind: "key-vault"; readonly url: string };

interface SecretStorePorts {
  /** The platform database. */
  readonly em: EntityManager;
  readonly log: Logger;
  /** Whether the store must hold the platform's secrets already, as far as it can tell. */
  readonly existing: boolean;
}

/**
 * Opens the secret store that is configured.
 *
 * @throws DomainError E_SECRET_STORE when it cannot be the one of this platform
 */
export async function openSecretStore(
  config: SecretStoreConfig,
  { em, log, existing }: SecretStorePorts,
): Promise<SecretStore> {
  switch (config.kind) {
    case "local":
      return await openLocalSecretStore({ em, dataDir: config.dataDir, existing });
    case "key-vault":
      return openKeyVaultStore({ url: config.url, log });
  }
}
