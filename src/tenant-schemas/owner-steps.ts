import { ident, literal } from "../database/sql.ts";
import type { FileSetting } from "../sql-files/sql-file.ts";
import type { TenantNames } from "../tenants/names.ts";
import { ALLOW_TRIGGERS, onThisNodeAlone } from "./citus.ts";
import { tagOf } from "./file-failures.ts";
import type { Origin, Step } from "./multi-query.ts";
import type { PlacedFile, PlacedStatement } from "./placed-file.ts";

/** How long a statement of a migration or a seed may wait for a lock, and how long it may take. */
export interface OwnerLimits {
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** The longest that a file may ask for, for either. */
  readonly longestTimeoutMs: number;
}

export const DEFAULT_LIMITS: OwnerLimits = {
  lockTimeoutMs: 10_000,
  statementTimeoutMs: 600_000,
  longestTimeoutMs: 3_600_000,
};

const runner = (schema: string) => `${ident(schema)}.tenantry_run`;

/**
 * The steps that open a transaction as the tenant's owner role, in a session that is fresh, temporary
 * objects of the same file aside.
 *
 * `SET ROLE` alone is no wall: whoever runs in the session can `RESET ROLE` and be the admin again,
 * also from a DO block. So everything that a file brings runs inside a SECURITY DEFINER function of
 * the owner role, where PostgreSQL refuses to change the role (GUC_NOT_WHILE_SEC_REST). The function
 * lives only in this transaction.
 */
export function openAsOwner(
  names: TenantNames,
  limits: OwnerLimits,
  temporary: "DISCARD" | "KEEP" = "DISCARD",
): Step[] {
  const [discard, ...fresh] = freshSession(names, limits);
  return [
    { sql: "begin" },
    ...(temporary === "DISCARD" && discard ? [discard] : []),
    ...fresh,
    { sql: `set local role ${ident(names.ownerRole)}` },
    ...onThisNodeAlone({
      sql: `create or replace function ${runner(names.schema)}(pg_catalog.text[])
        returns pg_catalog.text language plpgsql security definer as ${literal(RUN)}`,
    }),
  ];
}

/**
 * Gives a file the session that every file finds, whatever ran before it in the transaction: no
 * temporary object, no setting but these. Where the tenant has its database for itself and the folder's
 * own schemas lie in it, names without a schema are those of `public`.
 */
export function freshSession(
  { schema, ownerRole }: TenantNames,
  limits: OwnerLimits,
  scope: "TRANSACTION" | "SESSION" = "TRANSACTION",
): Step[] {
  const setting = (name: string, value: string) =>
    `pg_catalog.set_config(${literal(name)}, ${value}, ${scope === "TRANSACTION"})`;
  const path = `case when exists (select from pg_catalog.pg_namespace where nspname = 'public'
      and pg_catalog.pg_get_userbyid(nspowner) = ${literal(ownerRole)})
    then 'public, ext' else ${literal(`${ident(schema)}, ext`)} end`;
  return [
    { sql: "discard temp" },
    { sql: "reset all" },
    {
      sql: `select ${setting("lock_timeout", literal(String(limits.lockTimeoutMs)))},
        ${setting("statement_timeout", literal(String(limits.statementTimeoutMs)))},
        ${setting("search_path", path)}`,
    },
    ALLOW_TRIGGERS,
  ];
}

/** Answers how many rows each statement touched, separated by commas. */
const RUN = `declare
  statement pg_catalog.text;
  touched pg_catalog.int8;
  counts pg_catalog.text[];
begin
  foreach statement in array $1 loop
    execute statement;
    get diagnostics touched = row_count;
    counts := pg_catalog.array_append(counts, touched::pg_catalog.text);
  end loop;
  return pg_catalog.array_to_string(counts, ',');
end`;

/**
 * Statements of a file, run as the owner role in one call; it answers the number of rows that each
 * touched, separated by commas. The condition makes the call do nothing where an earlier file
 * changed the function. Each statement ends with its number in a comment, which the server repeats
 * in its errors.
 */
export function asOwner(
  { schema }: Pick<TenantNames, "schema">,
  statements: readonly string[],
  origins?: readonly Origin[],
): Step {
  const name = literal(`${runner(schema)}(pg_catalog.text[])`);
  const texts = statements.map((text, index) => literal(text + tagOf(index))).join(",");
  const sql = `select ${runner(schema)}(array[${texts}]::pg_catalog.text[]) from pg_catalog.pg_proc
    where oid operator(pg_catalog.=) ${name}::pg_catalog.regprocedure and prosecdef`;
  return { sql, answers: true, ...(origins === undefined ? {} : { origins }) };
}

/** The statements of a file, as an error names them. */
export const originsOf = ({
  name,
  statements,
}: Pick<PlacedFile, "name" | "statements">): Origin[] =>
  statements.map(({ sql, text, line }) => ({ file: name, line, text: sql, written: text }));

/** How the server is told a file. */
export type StepsOfFile = (
  names: Pick<TenantNames, "schema">,
  file: Pick<PlacedFile, "name" | "statements">,
  limits: OwnerLimits,
) => Step[];

/**
 * All statements of a file, run as the owner role: in one call, but for the timeouts that it sets. They
 * are obeyed between calls alone, so the statements behind one have a call each.
 *
 * @param behind what has to follow a statement, outside of its call
 */
export function fileAsOwner(
  names: Pick<TenantNames, "schema">,
  file: Pick<PlacedFile, "name" | "statements">,
  limits: OwnerLimits,
  behind: (statement: PlacedStatement) => Step[] = () => [],
): Step[] {
  const steps: Step[] = [];
  let gathered: PlacedStatement[] = [];
  let bounded = false;
  const send = (...more: Step[]) => {
    const origins = originsOf({ name: file.name, statements: gathered });
    const texts = origins.map(({ text }) => text);
    if (origins.length > 0) steps.push(asOwner(names, texts, origins));
    steps.push(...more);
    gathered = [];
  };
  for (const statement of file.statements) {
    const timeout = statement.setting?.timeout ?? null;
    if (timeout === null) gathered.push(statement);
    else send({ sql: timeoutSql(timeout, limits), longestMs: limits.longestTimeoutMs });
    bounded ||= timeout !== null;
    const more = behind(statement);
    if (bounded || more.length > 0) send(...more);
  }
  send();
  return steps;
}

type Timeout = NonNullable<FileSetting["timeout"]>;

/** A timeout as the file asks for it, within the operator's bound; no bound at all is that bound. */
export function timeoutSql({ name, ms }: Timeout, limits: OwnerLimits, scope = "local"): string {
  const usual = name === "lock_timeout" ? limits.lockTimeoutMs : limits.statementTimeoutMs;
  const asked = ms ?? usual;
  const bound = limits.longestTimeoutMs;
  return `set ${scope} ${name} = ${asked === 0 ? bound : Math.min(asked, bound)}`;
}

/** Checks deferred constraints while the restrictions still hold, and commits. */
export function commitAsOwner(names: TenantNames, origin?: Origin): Step[] {
  return [
    asOwner(names, ["set constraints all immediate; close all"], origin && [origin]),
    { sql: `drop function ${runner(names.schema)}(pg_catalog.text[])` },
    { sql: "commit" },
  ];
}

/**
 * The steps of a transaction as the tenant's owner role from its beginning to its commit, for statements of
 * which nobody wants an answer.
 *
 * @param temporary what becomes of temporary objects that an earlier transaction has left
 * @param origin what an error names that only the deferred constraints show
 */
export const ownerTransaction = (
  names: TenantNames,
  limits: OwnerLimits,
  steps: readonly Step[],
  { temporary, origin }: { temporary?: "DISCARD" | "KEEP"; origin?: Origin } = {},
): Step[] => [...openAsOwner(names, limits, temporary), ...steps, ...commitAsOwner(names, origin)];

/** What an error names that only the deferred constraints of a file show. */
export const constraintsOf = (file: string): Origin => ({
  file,
  line: 1,
  text: "deferred constraints",
});

/** Reports progress: INFO reaches the client at once, whatever client_min_messages says. */
export const tell = (message: string): Step => ({
  sql: `do ${literal(`begin raise info using message = ${literal(message)}; end`)}`,
});
