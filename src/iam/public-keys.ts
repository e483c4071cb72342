import { type CryptoKey, importJWK, type JWK } from "jose";
import { DomainError } from "../kernel/domain-error.ts";
import type { KeyPorts } from "./key-record.ts";
import { SigningKeyEntity } from "./signing-key.entity.ts";
import { ALGORITHM } from "./token.ts";

const MINUTE = 60_000;
// Longer than any access token lasts: what a retired key signed runs out by itself.
const RETIRED_FOR = 30 * MINUTE;
const FRESH_FOR = MINUTE;
// Tokens with invented key ids must not make the database busy.
const REFETCH_PAUSE = 1000;

interface Loaded {
  readonly jwks: readonly JWK[];
  readonly keys: ReadonlyMap<string, CryptoKey>;
  readonly at: number;
}

/** The public halves of the signing keys, cached for a minute. */
export interface PublicKeys {
  /**
   * Answers the key of an id; an unknown one is looked up afresh, once a second at most.
   *
   * @throws DomainError E_UNAUTHENTICATED for an id that no key has
   */
  find(kid: string | undefined): Promise<CryptoKey>;
  jwks(): Promise<{ readonly keys: readonly JWK[] }>;
}

/** Opens the cache over the keys of platform.signing_key; loads them at the first call. */
export function openPublicKeys(ports: Pick<KeyPorts, "em" | "clock">): PublicKeys {
  let loaded: Loaded | null = null;
  let loading: Promise<Loaded> | null = null;

  /** Answers what was loaded less than `maxAge` ms ago, or loads it; callers at once share a load. */
  async function load(maxAge: number): Promise<Loaded> {
    if (loaded !== null && Date.now() - loaded.at < maxAge) return loaded;
    loading ??= fetchKeys(ports).finally(() => {
      loading = null;
    });
    loaded = await loading;
    return loaded;
  }

  return {
    async find(kid) {
      const key = (await load(FRESH_FOR)).keys.get(kid ?? "");
      const found = key ?? (await load(REFETCH_PAUSE)).keys.get(kid ?? "");
      if (found === undefined) throw new DomainError("E_UNAUTHENTICATED");
      return found;
    },
    jwks: async () => ({ keys: (await load(FRESH_FOR)).jwks }),
  };
}

async function fetchKeys({ em, clock }: Pick<KeyPorts, "em" | "clock">): Promise<Loaded> {
  const at = Date.now();
  const rows = await em.fork().find(SigningKeyEntity, {
    purpose: "ACCESS",
    $or: [{ retiredAt: null }, { retiredAt: { $gt: new Date(clock().getTime() - RETIRED_FOR) } }],
  });
  const keys = new Map<string, CryptoKey>();
  for (const { id, publicJwk } of rows) {
    if (publicJwk) keys.set(id, (await importJWK(publicJwk, ALGORITHM)) as CryptoKey);
  }
  return { keys, jwks: rows.flatMap(({ publicJwk }) => publicJwk ?? []), at };
}
