import { randomBytes } from "node:crypto";
import { type CryptoKey, importJWK, type JWK, SignJWT } from "jose";
import { newAccessKey } from "./access-key.ts";
import { ACCESS_TOKEN_LIFETIME, ALGORITHM, ISSUER, TOKEN_TYPE } from "./access-token.ts";
import { ensureKey, type KeyPorts, keySecret } from "./key-record.ts";
import { type KeyRing, openKeyRing } from "./key-ring.ts";
import type { SigningKey } from "./signing-key.entity.ts";
import { type VerifiedToken, verifyToken } from "./token.ts";

/** What an access token says. */
export interface TokenContent {
  /** Whom the token is for; a token of one audience is refused by every other. */
  readonly audience: string;
  /** The id of whom it speaks of. */
  readonly subject: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** A moment shortly ahead before which the token is not to be issued; absent or null: now. */
  readonly notBefore?: Date | null | undefined;
}

/** Signs and verifies access tokens with the platform's Ed25519 keys. */
export interface SigningKeys {
  /** Signs a token that lasts 15 minutes; `expiresAt` is a whole second. */
  sign(content: TokenContent): Promise<{ readonly token: string; readonly expiresAt: Date }>;

  /**
   * Verifies signature, algorithm, type, issuer, audience, age and expiry.
   *
   * @throws DomainError E_UNAUTHENTICATED, whatever is wrong
   */
  verify(token: string, audience: string): Promise<VerifiedToken>;

  /** Whether the key of an id verifies tokens at this moment: not after it was dropped. */
  verifies(keyId: string): Promise<boolean>;

  /** The public keys as a JSON Web Key Set (RFC 7517): for other services that verify tokens. */
  publicJwks(): Promise<{ readonly keys: readonly JWK[] }>;

  /** Ends what goes on behind the calls; to be waited for before the database is closed. */
  close(): Promise<void>;
}

/**
 * Opens the platform's signing keys; the very first to open them makes the first key. A rotation is
 * followed without a restart.
 *
 * @throws DomainError E_SECRET_STORE when the private key cannot be read
 */
export async function openSigningKeys(ports: KeyPorts): Promise<SigningKeys> {
  await ensureKey(ports, "ACCESS", newAccessKey);
  const ring = openKeyRing(ports);
  const verify = rememberingVerifier(ports, ring);
  let signer = await openSigner(ports, await ring.signing());
  return {
    async sign(content) {
      const key = await ring.signing();
      if (key.id !== signer.kid) signer = await openSigner(ports, key);
      return await signToken(signer, content, ports.clock());
    },
    verify,
    verifies: (keyId) => ring.verifies(keyId),
    publicJwks: () => ring.jwks(),
    close: () => ring.close(),
  };
}

/** Good tokens that are remembered: a check of the signature takes longer than most requests. */
const REMEMBERED = 2_000;

/** Verifies a token once; from then on only what may change is looked at: its age, and its key. */
function rememberingVerifier({ clock }: KeyPorts, ring: KeyRing): SigningKeys["verify"] {
  const good = new Map<string, VerifiedToken>();
  return async (token, audience) => {
    const name = `${audience} ${token}`;
    const known = good.get(name);
    if (known && clock() < known.expiresAt && (await ring.verifies(known.keyId))) return known;
    const verified = await verifyToken(token, audience, ring.find, clock());
    good.set(name, verified);
    const [oldest] = good.keys();
    if (good.size > REMEMBERED && oldest !== undefined) good.delete(oldest);
    return verified;
  };
}

interface Signer {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}

async function openSigner({ secrets }: KeyPorts, key: SigningKey): Promise<Signer> {
  const jwk: JWK = JSON.parse(await keySecret(secrets, key));
  return { kid: key.id, privateKey: (await importJWK(jwk, ALGORITHM)) as CryptoKey };
}

async function signToken(signer: Signer, content: TokenContent, now: Date) {
  const { audience, subject, claims, notBefore } = content;
  const issuedAt = Math.floor(Math.max(now.getTime(), notBefore?.getTime() ?? 0) / 1000);
  const expiry = issuedAt + ACCESS_TOKEN_LIFETIME;
  const token = await new SignJWT({ ...claims })
    .setProtectedHeader({ alg: ALGORITHM, kid: signer.kid, typ: TOKEN_TYPE })
    .setIssuer(ISSUER)
    .setAudience(audience)
    .setSubject(subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiry)
    .setJti(randomBytes(16).toString("base64url"))
    .sign(signer.privateKey);
  return { token, expiresAt: new Date(expiry * 1000) };
}
