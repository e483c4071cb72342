import { type CryptoKey, errors, type JWTPayload, jwtVerify } from "jose";
import { DomainError } from "../../kernel/domain-error.ts";
import { ACCESS_TOKEN_LIFETIME, ALGORITHM, ISSUER, TOKEN_TYPE } from "./access-token.ts";

const LONGEST_TOKEN = 4096;
// The clocks of the machines that sign and verify differ a little.
const CLOCK_TOLERANCE = 5;

/** A token that passed every check. */
export interface VerifiedToken {
  readonly subject: string;
  /** The id of the key that signed it. */
  readonly keyId: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly claims: JWTPayload;
}

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
  const verified = async () => {
    const { payload, protectedHeader } = await jwtVerify(token, ({ kid }) => keyOf(kid), {
      issuer: ISSUER,
      audience,
      algorithms: [ALGORITHM],
      typ: TOKEN_TYPE,
      requiredClaims: ["sub", "iat", "exp", "jti"],
      maxTokenAge: ACCESS_TOKEN_LIFETIME,
      clockTolerance: CLOCK_TOLERANCE,
      currentDate: now,
    });
    const { kid = "" } = protectedHeader;
    return { payload, keyId: kid, ...lifetimeOf(payload, ACCESS_TOKEN_LIFETIME) };
  };
  const { payload, ...facts } = await verified().catch((cause: unknown) => {
    throw cause instanceof errors.JOSEError
      ? new DomainError("E_UNAUTHENTICATED", { cause })
      : cause;
  });
  const { sub } = payload;
  if (typeof sub !== "string") throw new DomainError("E_UNAUTHENTICATED");
  return { subject: sub, ...facts, claims: payload };
}

/**
 * Answers from when to when a verified token lasts.
 *
 * @param longest how long a token may last, in seconds
 * @throws JWTInvalid when it would last longer: the expiry of a careless issuer, or in milliseconds
 */
export function lifetimeOf(
  { iat = 0, exp = Number.POSITIVE_INFINITY }: JWTPayload,
  longest: number,
) {
  if (exp - iat > longest) {
    throw new errors.JWTInvalid(`the token lasts ${exp - iat} s, more than ${longest}`);
  }
  return { issuedAt: new Date(iat * 1000), expiresAt: new Date(exp * 1000) };
}
