import { type CryptoKey, importJWK, type JWK } from "jose";
import { DomainError } from "../../kernel/domain-error.ts";
import { ALGORITHM } from "./access-token.ts";
import type { KeyPorts } from "./key-record.ts";
import { type SigningKey, SigningKeyEntity } from "./signing-key.entity.ts";
import { purgeKeys } from "./signing-key-purge.ts";

// All processes follow a rotation, and let go of a dropped key, within this time.
const FRESH_FOR = 5_000;
// Tokens with invented key ids must not make the database busy.
const REFETCH_PAUSE = 1000;

interface HeldKey {
  readonly row: SigningKey;
  readonly publicKey: CryptoKey;
  readonly publicJwk: JWK;
}

interface Loaded {
  readonly keys: ReadonlyMap<string, HeldKey>;
  readonly at: number;
}

/** The keys of access tokens as the database has them; cached for 5 seconds. */
export interface KeyRing {
  /**
   * Answers the public key of an id; an unknown one is looked up afresh, once a second at most.
   *
   * @throws DomainError E_UNAUTHENTICATED for an id that no key has, or one that verifies no more
   */
  find(kid: string | undefined): Promise<CryptoKey>;
  /** Whether the key of an id verifies at this moment. */
  verifies(kid: string): Promise<boolean>;
  /** Answers the one key that signs at this moment. @throws DomainError E_SECRET_STORE without any */
  signing(): Promise<SigningKey>;
  /** Every public key that verifies at this moment, also one that does not sign yet. */
  jwks(): Promise<{ readonly keys: readonly JWK[] }>;
  /** Waits for keys that are being purged: the database must not be closed below them. */
  close(): Promise<void>;
}

/** Opens the ring; loads it at the first call. Keys that are over are purged as it comes across them. */
export function openKeyRing(ports: KeyPorts): KeyRing {
  const { clock } = ports;
  let loaded: Loaded | null = null;
  let loading: Promise<Loaded> | null = null;
  let purging: Promise<void> | null = null;

  async function fetchKeys(): Promise<Loaded> {
    const now = clock();
    const unpurged = { purpose: "ACCESS" as const, purgedAt: null };
    const rows = await ports.em.fork().find(SigningKeyEntity, unpurged);
    const over = rows.filter(({ verifiesUntil }) => verifiesUntil != null && verifiesUntil <= now);
    // Not waited for: a secret store that is down must keep nobody from signing in.
    if (over.length > 0) {
      purging ??= purgeKeys(ports, over).finally(() => {
        purging = null;
      });
    }
    return { keys: await holdKeys(rows), at: now.getTime() };
  }

  /** Answers what was loaded less than `maxAge` ms ago, or loads it; callers at once share a load. */
  async function load(maxAge: number): Promise<Loaded> {
    if (loaded !== null && clock().getTime() - loaded.at < maxAge) return loaded;
    loading ??= fetchKeys().finally(() => {
      loading = null;
    });
    loaded = await loading;
    return loaded;
  }

  const verifies = ({ row: { verifiesUntil } }: HeldKey) =>
    verifiesUntil == null || verifiesUntil > clock();

  async function verifierOf(kid: string): Promise<HeldKey | null> {
    const key = (await load(FRESH_FOR)).keys.get(kid) ?? (await load(REFETCH_PAUSE)).keys.get(kid);
    return key !== undefined && verifies(key) ? key : null;
  }

  return {
    async find(kid = "") {
      const key = await verifierOf(kid);
      if (key === null) throw new DomainError("E_UNAUTHENTICATED");
      return key.publicKey;
    },
    verifies: async (kid) => (await verifierOf(kid)) !== null,
    async signing() {
      const { keys } = await load(FRESH_FOR);
      const key = signerOf(
        [...keys.values()].map(({ row }) => row),
        clock(),
      );
      if (key !== undefined) return key;
      throw new DomainError("E_SECRET_STORE", { message: "The platform has no key to sign with" });
    },
    async jwks() {
      const { keys } = await load(FRESH_FOR);
      const held = [...keys.values()].filter(verifies);
      return { keys: held.map(({ publicJwk }) => publicJwk) };
    },
    async close() {
      await purging;
    },
  };
}

/** The key that signs at a moment: of those that are not retired, the last whose turn has come. */
function signerOf(keys: readonly SigningKey[], now: Date): SigningKey | undefined {
  const able = keys
    .filter(({ retiredAt }) => retiredAt == null || retiredAt > now)
    .sort((a, b) => a.signsFrom.getTime() - b.signsFrom.getTime());
  // None of them where this machine's clock is behind that of the process that made the first.
  return able.findLast(({ signsFrom }) => signsFrom <= now) ?? able[0];
}

async function holdKeys(rows: readonly SigningKey[]): Promise<Map<string, HeldKey>> {
  const keys = new Map<string, HeldKey>();
  for (const row of rows) {
    const { id, publicJwk } = row;
    if (!publicJwk) continue;
    const publicKey = (await importJWK(publicJwk, ALGORITHM)) as CryptoKey;
    keys.set(id, { row, publicKey, publicJwk });
  }
  return keys;
}
