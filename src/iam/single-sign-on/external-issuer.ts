import { createHash } from "node:crypto";
import { decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import type { Clock } from "../../kernel/clock.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { oneLine } from "../../kernel/input.ts";
import type { Logger } from "../../observability/logger.ts";
import type { Role } from "../roles.ts";
import { lifetimeOf } from "../tokens/token.ts";
import { normalizeEmail } from "../users/email.ts";
import { openIssuerKeys } from "./issuer-keys.ts";
import { grantedRole } from "./role-claim.ts";
import type { SingleSignOn } from "./single-sign-on.ts";

// Signatures that need the issuer's private key; an HMAC could be made with its public one.
const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];
/** Access tokens are called one or the other (RFC 9068, and most issuers), or nothing. */
const TOKEN_TYPES = [undefined, "jwt", "at+jwt", "application/at+jwt"];
/** Found in ID tokens (OpenID Connect Core 2 and 3.1.3.6) and in tokens that need more than their text. */
const FOREIGN_CLAIMS = ["nonce", "at_hash", "c_hash", "s_hash", "cnf"];
// An issuer's tokens carry groups, ours do not; Node takes 16 KB of headers in all.
const LONGEST_TOKEN = 14_000;
const CLOCK_TOLERANCE = 30;
const SUBJECT = /^[^\p{Cc}]{1,255}$/u;

/** Somebody whom the external issuer vouches for, as a token of it says. */
export interface ExternalIdentity {
  readonly issuer: string;
  /** Who that is at the issuer, for ever. */
  readonly subject: string;
  /** For display only, where the issuer tells none its name for the account: it says nothing of who that is. */
  readonly email: string;
  readonly name: string;
  /** Null when the token grants no role here. */
  readonly role: Role | null;
  /** Tells the token that says so from any other. */
  readonly tokenHash: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** Verifies access tokens of the external OpenID Connect issuer. */
export interface ExternalIssuer {
  /** Whether a token says that it is the issuer's; to be believed only after `verify`. */
  claims(token: string): boolean;
  /**
   * Verifies signature, algorithm, type, issuer, audience, age and expiry.
   *
   * @throws DomainError E_UNAUTHENTICATED, whatever is wrong; E_UNAVAILABLE while the issuer's keys
   *   cannot be read
   */
  verify(token: string): Promise<ExternalIdentity>;
}

/** Opens the external issuer; it is asked for its keys at the first token. */
export function openExternalIssuer(
  sso: SingleSignOn,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): ExternalIssuer {
  const keys = openIssuerKeys(sso.issuer, log);

  const verified = async (token: string): Promise<JWTPayload> => {
    if (token.length > LONGEST_TOKEN) throw new errors.JWTInvalid("the token is too long");
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: sso.issuer,
      audience: sso.audience,
      algorithms: ALGORITHMS,
      requiredClaims: ["sub", "iat", "exp"],
      maxTokenAge: sso.longestToken,
      clockTolerance: CLOCK_TOLERANCE,
      currentDate: clock(),
    });
    checkPurpose(payload, protectedHeader);
    return payload;
  };

  return {
    claims: (token) => issuerNamedBy(token) === sso.issuer,
    verify: async (token) => {
      try {
        return identityOf(token, await verified(token), sso);
      } catch (error) {
        if (!(error instanceof errors.JOSEError)) throw error;
        // Without a reason nobody could set single sign-on up; callers are not told it.
        log.debug({ reason: error.message }, "a token of the external issuer is refused");
        throw new DomainError("E_UNAUTHENTICATED", { cause: error });
      }
    },
  };
}

function issuerNamedBy(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

/** Refuses what is signed by the issuer for us and yet no access token. */
function checkPurpose(claims: JWTPayload, header: { kid?: string; typ?: string }): void {
  const refuse = (why: string): never => {
    throw new errors.JWTInvalid(why);
  };
  // It would work while the issuer has one key, and fail whenever keys rotate.
  if (header.kid === undefined) refuse("the token names no key");
  if (!TOKEN_TYPES.includes(header.typ?.toLowerCase())) refuse(`a token of type ${header.typ}`);
  // Keycloak tells its kinds of tokens apart in a claim, and up to 24 it puts `nonce` into access tokens.
  const kind = claims.typ ?? "Bearer";
  if (kind !== "Bearer") refuse(`a token of type ${String(kind)}`);
  const strange = FOREIGN_CLAIMS.filter((claim) => claim !== "nonce" || claims.typ !== "Bearer");
  const foreign = strange.find((claim) => claims[claim] !== undefined);
  if (foreign !== undefined) refuse(`an access token has no claim ${foreign}`);
}

function identityOf(token: string, claims: JWTPayload, sso: SingleSignOn): ExternalIdentity {
  const { sub } = claims;
  // What a claim's type says it is was promised by nobody.
  if (typeof sub !== "string" || !SUBJECT.test(sub)) {
    throw new errors.JWTInvalid("the subject is not usable");
  }
  const known = [claims.email, claims.preferred_username, claims.upn, sub];
  const email = normalizeEmail(known.map(words).find((text) => text !== "") ?? sub).slice(0, 254);
  return {
    issuer: sso.issuer,
    subject: sub,
    email,
    name: words(claims.name) || email,
    role: grantedRole(claims, sso),
    tokenHash: hashOf(token),
    ...lifetimeOf(claims, sso.longestToken),
  };
}

/** The hash of what is signed: the signature itself can be spelt in more than one way. */
const hashOf = (token: string): string =>
  createHash("sha256")
    .update(token.slice(0, token.lastIndexOf(".")))
    .digest("base64url");

/** A claim as words to show, not too many. */
const words = (claim: unknown): string =>
  typeof claim === "string" ? oneLine(claim, "").slice(0, 254) : "";
