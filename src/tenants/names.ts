import type { TenantSlug } from "./slug.ts";

/** Whether the tenant's schema lies in the shared tenant database or in a database of its own. */
export const ISOLATIONS = ["SCHEMA", "DATABASE"] as const;
export type Isolation = (typeof ISOLATIONS)[number];

/** Every name that is derived from a slug. */
export interface TenantNames {
  /** Holds the tenant's tables, in both isolations: `org_<slug>` with `_` for `-`. */
  readonly schema: string;
  /** The tenant's own database, used where the isolation is DATABASE: `tenant_<slug>`. */
  readonly database: string;
  /** Owns the schema and runs its migrations; cannot log in. */
  readonly ownerRole: string;
  /** Logs in for the application: DML in the tenant schema, nothing else. */
  readonly appRole: string;
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
    ownerRole: `${schema}_owner`,
    appRole: `${schema}_app`,
    secret: secretNameTemplate.replace("{slug}", slug),
  };
}
