import { z } from "zod";
import { ROLES, type Role } from "../roles.ts";

/** The issuer of single sign-on, and which of its tokens are for us. */
export interface SingleSignOn {
  /** As its tokens and its discovery document name it, to the letter. */
  readonly issuer: string;
  readonly audience: string;
  /** The claim that names roles; one within others is named with dots: `realm_access.roles`. */
  readonly claim: string;
  /** Our role for each of the issuer's; a name that is missing grants nothing. */
  readonly roles: ReadonlyMap<string, Role>;
  /** How long a token may last, in seconds. */
  readonly longestToken: number;
}

/**
 * Whether a URL is one that nobody on the way can answer for: https, or plain http to this machine.
 * Over plain http anybody could put keys of their own in the place of the issuer's.
 */
export function isTrustedUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  return protocol === "https:" || (protocol === "http:" && loopback);
}

/** Parses an issuer's URL; it is kept to the letter, since tokens are compared with it. */
export const IssuerUrl = z
  .string()
  .refine(
    (text) => isTrustedUrl(text) && !/[?#@]/.test(text),
    "must be a URL that begins with https://, as the issuer's tokens name it",
  );

const MAP_RULE = `must be pairs such as admins=ADMINISTRATOR, separated by commas; roles are ${ROLES.join(", ")}`;

/** Parses `admins=ADMINISTRATOR,helpers=SUPPORT`; names may hold anything but commas. */
export const RoleMap = z
  .string()
  .transform((text) => text.split(",").filter((pair) => pair.trim() !== ""))
  .transform((pairs) => pairs.map((pair) => /^(.+)=(.+)$/.exec(pair)?.slice(1)))
  .transform((pairs) => pairs.map((pair) => pair?.map((part) => part.trim())))
  .pipe(z.array(z.tuple([z.string(), z.enum(ROLES, MAP_RULE)], MAP_RULE)))
  .transform((pairs): ReadonlyMap<string, Role> => new Map(pairs));

/** Our own names, and those that operators' issuers have had before. */
export const DEFAULT_ROLE_MAP: ReadonlyMap<string, Role> = new Map<string, Role>([
  ...ROLES.map((role): [string, Role] => [role, role]),
  ["PLATFORM_ADMIN", "ADMINISTRATOR"],
  ["PLATFORM_SUPPORT", "SUPPORT"],
  ["PLATFORM_READONLY", "READONLY"],
]);
