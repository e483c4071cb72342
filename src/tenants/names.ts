import type { z } from "zod";
import { describedEnum } from "../kernel/described.ts";
import type { TenantSlug } from "./slug.ts";

/** Whether the tenant's schema lies in the shared tenant database or in a database of its own. */
export const Isolation = describedEnum("Isolation", "Where a tenant's schema lies.", {
  SCHEMA: "In the db server's shared tenant database.",
  DATABASE: "In a database of its own.",
});
export type Isolation = z.infer<typeof Isolation>;
export const ISOLATIONS = Isolation.options;

/** Every name that is derived from a slug. */
export interface TenantNames {
  /** Holds the tenant's tables, in both isolations: `org_<slug>` with `_` for `-`. */
  readonly schema: string;
  /** The tenant's own database, used where the isolation is DATABASE: `tenant_<slug>`. */
  readonly database: string;
  /** Owns the schema and runs its migrations; cannot log in. */
  readonly ownerRole: string;
  /** Holds the application's rights, DML in the tenant schema and nothing else; its first login. */
  readonly appRole: string;
  /** The application's other login, made when credentials are first rotated; inherits those rights. */
  readonly appRoleB: string;
  /** Names the app role's connection URL in the secret store. */
  readonly secret: string;
}

/** What the configuration decides about names. */
export interface NameRules {
  readonly schemaPrefix: string;
  /** Holds `{slug}` once. */
  readonly secretNameTemplate: string;
}

/**
 * The roles of a tenant schema. No suffix ends in another, so a role's name tells its kind and its
 * schema; the longest is 6 bytes.
 */
export const rolesOf = (
  schema: string,
): Pick<TenantNames, "ownerRole" | "appRole" | "appRoleB"> => ({
  ownerRole: `${schema}_owner`,
  appRole: `${schema}_app`,
  appRoleB: `${schema}_app_b`,
});

/**
 * Derives all names of a tenant. Injective, since a slug holds no underscore, and within
 * PostgreSQL's 63 bytes and Key Vault's 127, since a slug has at most 40 and the prefix at most 16.
 */
export function namesOf(
  slug: TenantSlug,
  { schemaPrefix, secretNameTemplate }: NameRules,
): TenantNames {
  const stem = slug.replaceAll("-", "_");
  const schema = `${schemaPrefix}${stem}`;
  return {
    schema,
    database: `tenant_${stem}`,
    ...rolesOf(schema),
    secret: secretNameTemplate.replace("{slug}", slug),
  };
}
