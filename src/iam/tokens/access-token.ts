// What the platform's access tokens are like, without the library that signs and verifies them: most
// commands do neither.

export const ISSUER = "tenantry";
/** The audience of platform users' tokens; tenants' users have one for each tenant. */
export const PLATFORM_AUDIENCE = "platform";
export const ALGORITHM = "EdDSA";
/** Tells access tokens from other JWTs (RFC 9068 section 2.1). */
export const TOKEN_TYPE = "at+jwt";
/** How long an access token lets in, in seconds: 15 minutes. */
export const ACCESS_TOKEN_LIFETIME = 900;

/** The audience of tokens for the users of one tenant. */
export const tenantAudience = (slug: string): string => `tenant:${slug}`;
