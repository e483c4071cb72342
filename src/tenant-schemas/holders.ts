import type { ClientBase } from "pg";
import { literal } from "../database/sql.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { ErrorCode } from "../kernel/error-codes.ts";

/** Something that keeps a database or a schema from being dropped. */
interface Holder {
  readonly kind: "SLOT" | "SUBSCRIPTION" | "PREPARED" | "SESSION";
  readonly name: string | null;
  readonly pid: number | null;
  readonly role: string | null;
  readonly application: string | null;
  /** Null where PostgreSQL does not show it to the admin. */
  readonly since: Date | null;
}

/**
 * What `DROP DATABASE … WITH (FORCE)` does not end by itself: replication slots in use, subscriptions,
 * prepared transactions, and sessions that the admin has no right to end. A worker of autovacuum goes by itself.
 */
const HOLD_DATABASE = `
  select 'SLOT' as kind, s.slot_name::text as name, s.active_pid as pid, a.usename::text as role,
    a.application_name as application, a.backend_start as since
  from pg_catalog.pg_replication_slots s
  left join pg_catalog.pg_stat_activity a on a.pid = s.active_pid
  where s.database = $1 and s.active
  union all
  select 'SUBSCRIPTION', u.subname::text, null, pg_get_userbyid(u.subowner)::text, null, null
  from pg_catalog.pg_subscription u join pg_catalog.pg_database d on d.oid = u.subdbid
  where d.datname = $1
  union all
  select 'PREPARED', gid, null, owner::text, null, prepared
  from pg_catalog.pg_prepared_xacts where database = $1
  union all
  select 'SESSION', null, a.pid, a.usename::text, a.application_name, a.backend_start
  from pg_catalog.pg_stat_activity a
  left join pg_catalog.pg_roles r on r.oid = a.usesysid
  where a.datname = $1 and a.backend_type is distinct from 'autovacuum worker'
    and not current_setting('is_superuser')::bool
    and (r.rolsuper or not (pg_has_role(r.oid, 'usage') or pg_has_role('pg_signal_backend', 'usage')))`;

/** Who has locks on a schema or its relations. Those of a prepared transaction have no session. */
const HOLD_SCHEMA = `
  with prepared as (
    select p.*, x.virtualtransaction from pg_catalog.pg_prepared_xacts p
    join pg_catalog.pg_locks x on x.pid is null and x.transactionid = p.transaction)
  select distinct case when p.gid is null then 'SESSION' else 'PREPARED' end as kind, p.gid as name,
    l.pid, coalesce(p.owner, a.usename)::text as role, a.application_name as application,
    coalesce(p.prepared, a.backend_start) as since
  from pg_catalog.pg_locks l
  join pg_catalog.pg_namespace n on n.nspname = $1
  left join pg_catalog.pg_class c on c.oid = l.relation
  join pg_catalog.pg_database d on d.oid = l.database and d.datname = current_database()
  left join pg_catalog.pg_stat_activity a on a.pid = l.pid
  left join prepared p on l.pid is null and p.virtualtransaction = l.virtualtransaction
  where (c.relnamespace = n.oid
      or l.classid = 'pg_catalog.pg_namespace'::regclass and l.objid = n.oid)
    and l.granted and l.pid is distinct from pg_backend_pid()`;

/**
 * The refusal to drop a database that somebody holds; null where nobody does.
 *
 * @param client connected to any database of the server
 */
export async function databaseHeld(
  client: ClientBase,
  database: string,
  cause?: unknown,
): Promise<DomainError | null> {
  const { rows } = await client.query<Holder>(HOLD_DATABASE, [database]);
  return refusal("E_PARTIAL_STATE", `The database ${database}`, rows, { cause });
}

/**
 * The refusal to drop a schema that a prepared transaction holds, which ends by nobody's leaving;
 * null where none does.
 *
 * @param client connected to the schema's database
 */
export async function schemaHeld(client: ClientBase, schema: string): Promise<DomainError | null> {
  const { rows } = await client.query<Holder>(HOLD_SCHEMA, [schema]);
  const prepared = rows.filter(({ kind }) => kind === "PREPARED");
  return refusal("E_PARTIAL_STATE", `The schema ${schema}`, prepared);
}

/** As `schemaHeld`, or that sessions hold it, which is worth another attempt. */
export async function schemaBusy(
  client: ClientBase,
  schema: string,
  cause: unknown,
): Promise<DomainError | null> {
  const held = await schemaHeld(client, schema);
  if (held !== null) return held;
  const { rows } = await client.query<Holder>(HOLD_SCHEMA, [schema]);
  return refusal("E_UNAVAILABLE", `The schema ${schema}`, rows, { cause, transient: true });
}

function refusal(
  code: ErrorCode,
  what: string,
  holders: readonly Holder[],
  options: { readonly cause?: unknown; readonly transient?: boolean } = {},
): DomainError | null {
  if (holders.length === 0) return null;
  return new DomainError(code, {
    message: `${what} cannot be dropped while it is held by ${holders.map(inWords).join("; ")}`,
    nextAction: `${[...new Set(holders.map(remedyFor))].join("; ")}. Then retry the operation.`,
    retryable: true,
    ...options,
  });
}

function inWords({ kind, name, pid, role, application, since }: Holder): string {
  const session = `session ${pid} of ${role}${application ? ` (${application})` : ""}`;
  const what = {
    SLOT: `replication slot ${name}, which ${session} reads`,
    SUBSCRIPTION: `subscription ${name} of ${role}`,
    PREPARED: `prepared transaction ${name} of ${role}`,
    SESSION: session,
  }[kind];
  return since === null ? what : `${what}, since ${since.toISOString()}`;
}

function remedyFor({ kind, name, pid }: Holder): string {
  const called = literal(name ?? "");
  return {
    SLOT: `Stop what reads the slot, then select pg_drop_replication_slot(${called})`,
    SUBSCRIPTION: `Drop the subscription ${name} in that database (ALTER SUBSCRIPTION … DISABLE and SET (slot_name = NONE) first where its publisher is gone)`,
    PREPARED: `In that database, ROLLBACK PREPARED ${called}, or commit it, as its owner or a superuser`,
    SESSION: `Wait for session ${pid}, or end it as a superuser: select pg_terminate_backend(${pid})`,
  }[kind];
}
