import { randomBytes } from "node:crypto";
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import { ensureKey, type KeyPorts, keySecret } from "./key-record.ts";
import { openPublicKeys } from "./public-keys.ts";
import { ALGORITHM, ISSUER, TOKEN_TYPE, type VerifiedToken, verifyToken } from "./token.ts";

/** How long an access token lets in, in seconds: 15 minutes. */
const ACCESS_TOKEN_LIFETIME = 900;
const SIGNER_FRESH_FOR = 60_000;

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

  /** The public keys as a JSON Web Key Set (RFC 7517): for other services that verify tokens. */
  publicJwks(): Promise<{ readonly keys: readonly JWK[] }>;
}

/**
 * Opens the platform's signing keys; the very first to open them makes the first key.
 *
 * @throws DomainError E_SECRET_STORE when the private key cannot be read
 */
export async function openSigningKeys(ports: KeyPorts): Promise<SigningKeys> {
  let signer = await openSigner(ports);
  const publicKeys = openPublicKeys(ports);
  return {
    async sign(content) {
      // A key that was retired meanwhile signs for a minute at most.
      if (Date.now() - signer.openedAt > SIGNER_FRESH_FOR) signer = await openSigner(ports);
      return await signToken(signer, content, ports.clock());
    },
    verify: (token, audience) => verifyToken(token, audience, publicKeys.find, ports.clock()),
    publicJwks: () => publicKeys.jwks(),
  };
}

interface Signer {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  /** In milliseconds of the machine's own clock. */
  readonly openedAt: number;
}

async function openSigner(ports: KeyPorts): Promise<Signer> {
  const openedAt = Date.now();
  const key = await ensureKey(ports, "ACCESS", newAccessKey);
  const jwk: JWK = JSON.parse(await keySecret(ports.secrets, key));
  return { kid: key.id, privateKey: (await importJWK(jwk, ALGORITHM)) as CryptoKey, openedAt };
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

async function newAccessKey() {
  const pair = await generateKeyPair(ALGORITHM, { crv: "Ed25519", extractable: true });
  const id = randomBytes(12).toString("hex");
  const facts = { kid: id, alg: ALGORITHM, use: "sig" };
  return {
    id,
    publicJwk: { ...(await exportJWK(pair.publicKey)), ...facts },
    secret: JSON.stringify({ ...(await exportJWK(pair.privateKey)), ...facts }),
  };
}
