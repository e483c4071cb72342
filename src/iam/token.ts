import { type CryptoKey, errors, type JWTPayload, jwtVerify } from "jose";
import { DomainError } from "../kernel/domain-error.ts";

export const ISSUER = "tenantry";
/** The audience of platform users' tokens; tenants' users have one for each tenant. */
export const PLATFORM_AUDIENCE = "platform";
export const ALGORITHM = "EdDSA";
/** Tells access tokens from other JWTs (RFC 9068 section 2.1). */
export const TOKEN_TYPE = "at+jwt";
/** How long an access token lets in, in seconds: 15 minutes. */
export const ACCESS_TOKEN_LIFETIME = 900;
const LONGEST_TOKEN = 4096;
// The clocks of the machines that sign and verify differ a little.
const CLOCK_TOLERANCE = 5;

/** A token that passed every check. */
export interface VerifiedToken {
  readonly subject: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly claims: JWTPayload;
}

/** The audience of tokens for the users of one tenant. */
export const tenantAudience = (slug: string): string => `tenant:${slug}`;

/**
 * Verifies an access token of one audience at a time. Every option is set: what is left out, `jose`
 * does not check.
 *
 * @throws DomainError E_UNAUTHENTICATED, whatever is wrong
 */
export async function verifyToken(
  token: string,
  audience: string,
  keyOf: (kid: string | undefined) => Promise<CryptoKey>,
  now: Date,
): Promise<VerifiedToken> {
  if (token.length > LONGEST_TOKEN) throw new DomainError("E_UNAUTHENTICATED");
  const { payload } = await jwtVerify(token, ({ kid }) => keyOf(kid), {
    issuer: ISSUER,
    audience,
    algorithms: [ALGORITHM],
    typ: TOKEN_TYPE,
    requiredClaims: ["sub", "iat", "exp", "jti"],
    maxTokenAge: "15 minutes",
    clockTolerance: CLOCK_TOLERANCE,
    currentDate: now,
  }).catch((cause: unknown) => {
    throw cause instanceof errors.JOSEError
      ? new DomainError("E_UNAUTHENTICATED", { cause })
      : cause;
  });
  const { sub, iat, exp } = payload;
  if (typeof sub !== "string" || iat === undefined || exp === undefined) {
    throw new DomainError("E_UNAUTHENTICATED");
  }
  const [issuedAt, expiresAt] = [new Date(iat * 1000), new Date(exp * 1000)];
  return { subject: sub, issuedAt, expiresAt, claims: payload };
}
