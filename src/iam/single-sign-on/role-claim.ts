import { ROLES, type Role } from "../roles.ts";
import type { SingleSignOn } from "./single-sign-on.ts";

// One text of several words by their definition (RFC 8693 section 4.2; `scp` with Entra ID). In any other
// claim a blank is part of a name: the group "IT SUPPORT" is not ours.
const WORDS = ["scope", "scp"];

/**
 * Answers the role that a token's claims grant: of several the most powerful, in the order of `ROLES`.
 *
 * @returns null when they grant none
 */
export function grantedRole(
  claims: Readonly<Record<string, unknown>>,
  { claim, roles }: Pick<SingleSignOn, "claim" | "roles">,
): Role | null {
  const names = namesIn(claim, claimAt(claims, claim));
  const granted = new Set(names.map((name) => typeof name === "string" && roles.get(name)));
  return ROLES.find((role) => granted.has(role)) ?? null;
}

function namesIn(claim: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === "string" && WORDS.includes(claim) ? value.split(" ") : [value];
}

/** Follows dots into nested claims; a name that has dots itself, such as a URL, goes before. */
function claimAt(claims: unknown, path: string): unknown {
  if (typeof claims !== "object" || claims === null) return undefined;
  const own = new Map<string, unknown>(Object.entries(claims));
  if (own.has(path)) return own.get(path);
  for (let dot = path.lastIndexOf("."); dot > 0; dot = path.lastIndexOf(".", dot - 1)) {
    const outer = own.get(path.slice(0, dot));
    if (outer !== undefined) return claimAt(outer, path.slice(dot + 1));
  }
  return undefined;
}
