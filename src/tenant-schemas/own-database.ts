import type { ClientBase } from "pg";
import { sqlStateOf } from "../database/faults.ts";
import { withSessionLock } from "../database/locks.ts";
import { ident, literal } from "../database/sql.ts";
import { createUtf8Database } from "../database/utf8.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { redactText } from "../kernel/redact.ts";
import type { TenantNames } from "../tenants/names.ts";
import { databaseHeld } from "./holders.ts";
import { databaseMarkOf, findLeftovers, partialState, unmarkedNameOf } from "./leftovers.ts";
import { prepareTenantDatabase, underSharedLock } from "./tenant-database.ts";

/** Whose database it is. */
interface OwnerOf {
  readonly names: TenantNames;
  readonly tenantId: string;
}

/**
 * Creates a tenant's own database, empty and closed to PUBLIC. Repeatable, also after a crash at any
 * moment.
 *
 * `CREATE DATABASE` runs in no transaction and cannot mark what it makes. So the database is made
 * under a name that says whose it is, where nobody can connect; one transaction then marks it, takes
 * PUBLIC's rights, gives it its name and opens it. A database of the tenant's name that bears no mark
 * of the tenant is therefore never ours.
 *
 * @param client connected to the server's shared tenant database
 * @throws DomainError E_PARTIAL_STATE when a database of that name exists which is not the tenant's
 */
export async function ensureOwnDatabase(client: ClientBase, owner: OwnerOf): Promise<void> {
  const { names, tenantId } = owner;
  await alone(client, owner, async () => {
    const found = (await findLeftovers(client, names, tenantId)).filter(isDatabase);
    const own = found.find(({ name }) => name === names.database);
    if (own !== undefined && !own.ours) throw partialState(own);
    const whole = new Set<string>();
    for (const { name } of found) {
      if (await isHalfDropped(client, name)) await client.query(`drop database ${ident(name)}`);
      else whole.add(name);
    }
    if (whole.has(names.database)) return;
    const unmarked = unmarkedNameOf(tenantId);
    if (!whole.has(unmarked)) {
      // The other strategy, a copy of files, makes the server write everything it holds in memory.
      await createUtf8Database(client, unmarked, "strategy wal_log allow_connections false");
    }
    await markAndOpen(client, owner);
  });
}

async function markAndOpen(client: ClientBase, { names, tenantId }: OwnerOf): Promise<void> {
  const [unmarked, database] = [unmarkedNameOf(tenantId), names.database].map(ident);
  const mark = literal(await ownMark(client, tenantId));
  await underSharedLock(client, async () => {
    await client.query(`
      alter database ${unmarked} rename to ${database};
      comment on database ${database} is ${mark};
      revoke connect, temporary on database ${database} from public;
      alter database ${database} with allow_connections true`);
  });
}

/** The mark of what is made from the connected database, the shared one. */
async function ownMark(client: ClientBase, tenantId: string): Promise<string> {
  const { rows } = await client.query<{ shared: string }>("select current_database() as shared");
  return databaseMarkOf(tenantId, rows[0]?.shared ?? "");
}

/**
 * Makes a tenant's own database ready for its schema, as `prepareTenantDatabase` does for a shared one.
 *
 * @param client connected to the tenant's own database
 * @param shared the name of the server's shared tenant database
 */
export const prepareOwnDatabase = (
  client: ClientBase,
  tenantId: string,
  shared: string,
): Promise<void> => prepareTenantDatabase(client, databaseMarkOf(tenantId, shared));

/**
 * Drops the database that bears the tenant's mark, whoever is connected to it, and one that was not
 * marked yet. Repeatable.
 *
 * @param client connected to the server's shared tenant database
 * @throws DomainError E_PARTIAL_STATE naming who holds it: a replication slot, a subscription, a prepared
 *   transaction, a session that the admin may not end
 */
export async function dropOwnDatabases(client: ClientBase, owner: OwnerOf): Promise<void> {
  await alone(client, owner, async () => {
    const found = await findLeftovers(client, owner.names, owner.tenantId);
    for (const { name } of found.filter((each) => isDatabase(each) && each.ours))
      await dropDatabase(client, name);
  });
}

async function dropDatabase(client: ClientBase, name: string): Promise<void> {
  try {
    await client.query(`drop database if exists ${ident(name)} with (force)`);
  } catch (cause) {
    const state = sqlStateOf(cause);
    if (state !== "42501" && state !== "55006") throw cause;
    const held = await databaseHeld(client, name, cause);
    if (held !== null) throw held;
    const why = redactText(cause instanceof Error ? cause.message : String(cause));
    throw new DomainError("E_UNAVAILABLE", {
      message: `The database ${name} cannot be dropped: ${why}`,
      transient: true,
      cause,
    });
  }
}

const isDatabase = ({ kind }: { readonly kind: string }): boolean => kind === "DATABASE";

/** Whether a `DROP DATABASE` was cut off: such a database can only be dropped (PostgreSQL marks it with -2). */
async function isHalfDropped(client: ClientBase, name: string): Promise<boolean> {
  const { rowCount } = await client.query(
    "select 1 from pg_catalog.pg_database where datname = $1 and datconnlimit = -2",
    [name],
  );
  return rowCount === 1;
}

/**
 * Runs `work` while nobody else creates or drops a database of this name, whosever it is. A worker that
 * freezes in there loses its connection and the lock with it: by its fence when another takes over.
 */
async function alone(
  client: ClientBase,
  { names }: OwnerOf,
  work: () => Promise<void>,
): Promise<void> {
  await client.query("set idle_session_timeout = '20s'");
  await withSessionLock(client, `own-database=${names.database}`, work);
  await client.query("reset idle_session_timeout");
}
