import { z } from "zod";
import { DomainError } from "../kernel/domain-error.ts";

declare const brand: unique symbol;

/** A slug that has passed `parseSlug`: safe in names of schemas, roles, databases, secrets and hosts. */
export type TenantSlug = string & { readonly [brand]: "TenantSlug" };

const FORM = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const RESERVED = new Set([
  ...["admin", "api", "app", "ops", "www", "static", "docs", "master", "platform", "health"],
  ...["postgres", "public", "information-schema", "template0", "template1"],
]);

/** A slug that names a tenant which exists: looked up, so only its length is bounded. */
export const slugField = z
  .string()
  .min(1)
  .max(63)
  .meta({ description: "The tenant's slug.", flag: "--slug <slug>", help: "the tenant's slug" });

/**
 * Parses a tenant's slug: 3 to 40 lower-case letters, digits and single inner hyphens, beginning
 * with a letter, because it becomes a DNS label and part of database names.
 *
 * @throws DomainError E_INVALID_SLUG for the form, E_RESERVED_SLUG for a reserved word or `pg-…`
 */
export function parseSlug(raw: string): TenantSlug {
  if (raw.length < 3 || raw.length > 40 || !FORM.test(raw)) {
    throw new DomainError("E_INVALID_SLUG", {
      message: `'${raw.slice(0, 60)}' is not a valid slug: use 3 to 40 lower-case letters, digits and single hyphens, beginning with a letter`,
      issues: [
        {
          path: ["slug"],
          message: "must match ^[a-z][a-z0-9-]{2,39}$ without a trailing or doubled hyphen",
          code: "E_INVALID_SLUG",
        },
      ],
    });
  }
  if (RESERVED.has(raw) || raw.startsWith("pg-")) {
    throw new DomainError("E_RESERVED_SLUG", {
      message: `The slug '${raw}' is reserved`,
      issues: [{ path: ["slug"], message: "is reserved", code: "E_RESERVED_SLUG" }],
    });
  }
  return raw as TenantSlug;
}
