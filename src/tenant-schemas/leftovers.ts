import type { ClientBase } from "pg";
import { DomainError } from "../kernel/domain-error.ts";
import type { TenantNames } from "../tenants/names.ts";
import { groupRoleOf } from "./tenant-database.ts";

/** The comment that says which tenant an object was made for, written as the object is made. */
export const markOf = (tenantId: string): string => `tenantry:tenant=${tenantId}`;

/**
 * The mark of a tenant's own database and of its group role. It also names the shared tenant database
 * of the platform that made them, since several platforms may use one server.
 */
export const databaseMarkOf = (tenantId: string, sharedDatabase: string): string =>
  `${markOf(tenantId)};home=${sharedDatabase}`;

/** The tenant that a mark names; null where there is no mark. */
const tenantOfMark = (mark: string | null): string | null =>
  /^tenantry:tenant=([^;]+)/.exec(mark ?? "")?.[1] ?? null;

/**
 * The name that a tenant's own database has until it bears its mark: it cannot be marked as it is
 * created, so it is created under a name that is the mark. No slug leads to such a name.
 */
export const unmarkedNameOf = (tenantId: string): string =>
  `tenantry_new_${tenantId.replaceAll("-", "")}`;

/** Something in PostgreSQL that bears one of a tenant's names. */
export interface Leftover {
  readonly kind: "SCHEMA" | "OWNER_ROLE" | "APP_ROLE" | "GROUP_ROLE" | "DATABASE";
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
     select case rolname when $2 then 'OWNER_ROLE' when $3 then 'GROUP_ROLE' else 'APP_ROLE' end,
         rolname, shobj_description(oid, 'pg_authid')
       from pg_catalog.pg_roles where rolname in ($2, $3, $4, $5)
     union all
     select 'DATABASE', datname, shobj_description(oid, 'pg_database')
       from pg_catalog.pg_database where datname in ($6, $7)`,
    [
      ...[names.schema, names.ownerRole, groupRoleOf(names.database)],
      ...[names.appRole, names.appRoleB, names.database, unmarkedNameOf(tenantId)],
    ],
  );
  return rows.map(({ kind, name, mark }) => {
    const maker = name === unmarkedNameOf(tenantId) ? tenantId : tenantOfMark(mark);
    return { kind, name, tenantId: maker, ours: maker === tenantId };
  });
}

const WORDS: Readonly<Record<Leftover["kind"], string>> = {
  SCHEMA: "schema",
  OWNER_ROLE: "role",
  APP_ROLE: "role",
  GROUP_ROLE: "role",
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
