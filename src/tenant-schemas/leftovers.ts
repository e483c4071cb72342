import type { ClientBase } from "pg";
import { DomainError } from "../kernel/domain-error.ts";
import type { TenantNames } from "../tenants/names.ts";

/** The comment that says which tenant an object was made for, written as the object is made. */
export const markOf = (tenantId: string): string => `tenantry:tenant=${tenantId}`;

/** Something in PostgreSQL that bears one of a tenant's names. */
export interface Leftover {
  readonly kind: "SCHEMA" | "OWNER_ROLE" | "APP_ROLE" | "DATABASE";
  readonly name: string;
  /** Whose it is by its mark; null when it bears none. */
  readonly tenantId: string | null;
  /** Whether it is the tenant's own. */
  readonly ours: boolean;
}

/**
 * Lists what exists under a tenant's names, in the connected database and on its server, and whose
 * it is. Changes nothing.
 */
export async function findLeftovers(
  client: ClientBase,
  names: TenantNames,
  tenantId: string,
): Promise<Leftover[]> {
  const { rows } = await client.query<{
    kind: Leftover["kind"];
    name: string;
    mark: string | null;
  }>(
    `select 'SCHEMA' as kind, nspname as name, obj_description(oid, 'pg_namespace') as mark
       from pg_catalog.pg_namespace where nspname = $1
     union all
     select case rolname when $2 then 'OWNER_ROLE' else 'APP_ROLE' end, rolname,
         shobj_description(oid, 'pg_authid')
       from pg_catalog.pg_roles where rolname in ($2, $3, $5)
     union all
     select 'DATABASE', datname, shobj_description(oid, 'pg_database')
       from pg_catalog.pg_database where datname = $4`,
    [names.schema, names.ownerRole, names.appRole, names.database, names.appRoleB],
  );
  return rows.map(({ kind, name, mark }) => ({
    kind,
    name,
    tenantId: /^tenantry:tenant=(.+)$/.exec(mark ?? "")?.[1] ?? null,
    ours: mark === markOf(tenantId),
  }));
}

const WORDS: Readonly<Record<Leftover["kind"], string>> = {
  SCHEMA: "schema",
  OWNER_ROLE: "role",
  APP_ROLE: "role",
  DATABASE: "database",
};

/** The refusal to touch something that is not the tenant's own. */
export function partialState({ kind, name, tenantId }: Leftover): DomainError {
  const whose = tenantId === null ? "was not made by Tenantry" : `belongs to tenant ${tenantId}`;
  return new DomainError("E_PARTIAL_STATE", {
    message: `The ${WORDS[kind]} ${name} exists already and ${whose}`,
    detail: { kind, name, tenantId },
  });
}
