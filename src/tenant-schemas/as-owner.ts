import type { ClientBase } from "pg";
import { withSessionLock } from "../database/locks.ts";
import { ident, literal } from "../database/sql.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { TenantNames } from "../tenants/names.ts";
import { schemaLock } from "./apply-migrations.ts";
import { onThisNodeAlone } from "./citus.ts";
import { runSteps, type Step } from "./multi-query.ts";
import { commitAsOwner, DEFAULT_LIMITS, type OwnerLimits, openAsOwner } from "./owner-steps.ts";

/**
 * Asks one statement as the tenant's owner role; names in it are those of the tenant schema.
 *
 * @param sql a statement whose first row has one column, of type json or jsonb
 * @param params what the statement reads from its one parameter `$1`, a jsonb object
 * @returns that value; null where there is no row
 */
export type Ask = <T>(sql: string, params?: Readonly<Record<string, unknown>>) => Promise<T | null>;

interface OwnerOptions {
  readonly limits?: Partial<OwnerLimits>;
  /** Memory of one sort or hash, as PostgreSQL writes it: `16MB`. */
  readonly workMem?: string;
}

/**
 * Runs `work` in a transaction as the tenant's owner role. What it asks runs behind the wall that
 * migrations run behind (`openAsOwner`), because a trigger of the tenant's own may fire. Waits for
 * migrations and seeds of the same schema. Ends with `RESET ALL` on the connection.
 *
 * @throws DomainError E_TENANT_NOT_READY where the schema does not exist; what PostgreSQL refuses, as it comes
 */
export async function transactAsOwner<T>(
  client: ClientBase,
  names: TenantNames,
  work: (ask: Ask) => Promise<T>,
  options: OwnerOptions = {},
): Promise<T> {
  return await inTransaction(client, names, options, work, async () => {
    await runSteps(client, [
      { sql: `drop function ${askerOf(names)}(pg_catalog.text, pg_catalog.jsonb)` },
      ...commitAsOwner(names),
    ]);
  });
}

/** As `transactAsOwner`, and keeps nothing of what `work` does, a number drawn from a sequence aside. */
export async function lookAsOwner<T>(
  client: ClientBase,
  names: TenantNames,
  work: (ask: Ask) => Promise<T>,
  options: OwnerOptions = {},
): Promise<T> {
  return await inTransaction(client, names, options, work, async () => {
    await client.query("rollback");
  });
}

async function inTransaction<T>(
  client: ClientBase,
  names: TenantNames,
  { limits, workMem }: OwnerOptions,
  work: (ask: Ask) => Promise<T>,
  end: () => Promise<void>,
): Promise<T> {
  await refuseMissingSchema(client, names);
  return await withSessionLock(client, schemaLock(names.schema), async () => {
    try {
      await runSteps(client, [
        ...openAsOwner(names, { ...DEFAULT_LIMITS, ...limits }),
        // A worker that freezes in here must not keep the lock from the one that takes over.
        { sql: "set local idle_in_transaction_session_timeout = '60s'" },
        ...(workMem === undefined ? [] : [{ sql: `set local work_mem = ${literal(workMem)}` }]),
        ...onThisNodeAlone(createAsker(names)),
      ]);
      const answer = await work(askOf(client, names));
      await end();
      await client.query("reset all");
      return answer;
    } catch (error) {
      await client.query("rollback").catch(() => undefined);
      throw error;
    }
  });
}

/**
 * Refuses where the tenant's schema does not exist.
 *
 * @throws DomainError E_TENANT_NOT_READY
 */
export async function refuseMissingSchema(
  client: ClientBase,
  { schema }: Pick<TenantNames, "schema">,
): Promise<void> {
  const { rowCount } = await client.query(
    "select 1 from pg_catalog.pg_namespace where nspname = $1",
    [schema],
  );
  if (rowCount === 1) return;
  throw new DomainError("E_TENANT_NOT_READY", {
    message: `${schema} does not exist: migrate the tenant first`,
    nextAction: "Make it anew with `migrateTenant`, then ask for this again.",
    retryable: false,
  });
}

const askerOf = ({ schema }: TenantNames): string => `${ident(schema)}.tenantry_ask`;

/** The wall, as the function that `openAsOwner` makes, for statements that answer something. */
const createAsker = (names: TenantNames): Step => ({
  sql: `create or replace function ${askerOf(names)}(pg_catalog.text, pg_catalog.jsonb)
    returns pg_catalog.jsonb language plpgsql security definer as ${literal(`declare
      answer pg_catalog.jsonb;
    begin
      execute $1 into answer using $2;
      return answer;
    end`)}`,
});

/** Asks through the wall; the condition finds out where an earlier statement has replaced it. */
function askOf(client: ClientBase, names: TenantNames): Ask {
  const name = literal(`${askerOf(names)}(pg_catalog.text, pg_catalog.jsonb)`);
  const text = `select ${askerOf(names)}($1::pg_catalog.text, $2::pg_catalog.jsonb) as answer
    from pg_catalog.pg_proc
    where oid operator(pg_catalog.=) ${name}::pg_catalog.regprocedure and prosecdef`;
  return async <T>(sql: string, params: Readonly<Record<string, unknown>> = {}) => {
    const { rows } = await client.query<{ answer: T | null }>(text, [sql, JSON.stringify(params)]);
    const [row] = rows;
    if (row === undefined)
      throw new Error("the statement was not carried out: its way in was changed");
    return row.answer;
  };
}
