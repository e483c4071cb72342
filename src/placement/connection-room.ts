import type { ClientBase } from "pg";
import type { EntityManager } from "../database/orm.ts";
import { CONNECTIONS_PER_SERVER } from "../database/server-pools.ts";
import type { DbServer } from "./db-server.entity.ts";
import { DEFAULT_SERVER } from "./default-server.ts";

/** How many connections a server has, for whom, and what the logins of tenants may take of them. */
export interface Connections {
  /** Those that anybody can get. */
  readonly open: number;
  /** Those kept back that the admin can get. */
  readonly kept: number;
  readonly superuser: boolean;
  /** Whether the server can keep connections for roles that are no superusers: PostgreSQL 16 and newer. */
  readonly reserves: boolean;
  /** Logins of tenants, and how many of them have no limit. */
  readonly logins: number;
  readonly unlimited: number;
  /** The limits of the others together, and the largest of them. */
  readonly limits: number;
  readonly largest: number;
}

/** Reads a server's connections as its admin. */
export async function readConnections(client: ClientBase): Promise<Connections> {
  const { rows } = await client.query<Connections>(
    `with server as (
       select current_setting('max_connections')::int as most,
         current_setting('superuser_reserved_connections')::int as for_superusers,
         coalesce(current_setting('reserved_connections', true), '0')::int as reserved,
         current_setting('is_superuser')::bool as superuser,
         current_setting('reserved_connections', true) is not null as reserves,
         exists (select from pg_catalog.pg_roles where rolname = 'pg_use_reserved_connections'
           and pg_has_role(oid, 'usage')) as may),
     login as (
       select r.rolconnlimit as "limit" from pg_catalog.pg_roles r
       join pg_catalog.pg_shdescription d
         on d.objoid = r.oid and d.classoid = 'pg_catalog.pg_authid'::regclass
       where r.rolcanlogin and r.rolname ~ '_app(_b)?$'
         and d.description like 'tenantry:tenant=%')
     select most - for_superusers - reserved as open, superuser, reserves,
       case when superuser then for_superusers + reserved when may then reserved else 0 end as kept,
       count("limit")::int as logins,
       (count(*) filter (where "limit" < 0))::int as unlimited,
       coalesce(sum("limit") filter (where "limit" > 0), 0)::int as limits,
       greatest(max("limit"), 0) as largest
     from server left join login on true
     group by most, for_superusers, reserved, superuser, reserves, may`,
  );
  const [found] = rows;
  if (!found) throw new Error("The server does not tell its connections");
  return found;
}

/** Of the platform database: 25 of the ORM, 10 of the engine, 2 of the queue, LISTEN and heartbeat. */
const OF_PLATFORM = 40;

/** How many processes of Tenantry are alive; at least the one that asks. */
export async function processesAlive(em: EntityManager): Promise<number> {
  const [row] = await em.execute<{ processes: number }[]>(
    `select count(distinct (host, pid))::int as processes from platform.process
     where seen_at > now() - interval '70 seconds'`,
  );
  return Math.max(1, row?.processes ?? 0);
}

/** How many connections to a server so many processes of Tenantry may need. */
export const needOf = ({ name }: Pick<DbServer, "name">, processes: number): number =>
  processes * (CONNECTIONS_PER_SERVER + (name === DEFAULT_SERVER ? OF_PLATFORM : 0));

/**
 * How many connections a server has for all tenants, beside those that Tenantry may need. What is kept for
 * Tenantry is taken last, by whoever may: it makes the room no larger.
 */
export const roomForTenants = ({ open }: Pick<Connections, "open">, need: number): number =>
  open - need;

/** Says where tenants that open all they may would keep out Tenantry or one another, and what helps. */
export function connectionWarnings(found: Connections, need: number): string[] {
  const { kept, logins, unlimited, limits, largest } = found;
  const room = roomForTenants(found, need);
  const full = unlimited > 0 || limits > room;
  const warnings = [
    unlimited > 0 &&
      `${unlimited} of ${logins} logins of tenants have no connection limit: the doctor sets it with --fix`,
    largest > room &&
      `a tenant may open ${largest} connections, and there are ${room} for all of them: lower its limit, or raise max_connections`,
    limits > room &&
      `the ${logins} logins of tenants may open ${limits} connections together, and there are ${room}: where enough of them open all they may, others are refused`,
    full &&
      kept < need &&
      `${kept} connections are kept for Tenantry, which may need ${need}: where tenants have filled the server it can be refused. ${remedyOf(found, need)}`,
  ];
  return warnings.filter((warning) => warning !== false);
}

function remedyOf({ superuser, reserves }: Connections, need: number): string {
  if (superuser) return `Set superuser_reserved_connections to ${need}`;
  if (reserves)
    return `Set reserved_connections to ${need}, and grant pg_use_reserved_connections to its admin`;
  return "Raise max_connections above what all may open; PostgreSQL 16 and newer can keep some for its admin";
}
