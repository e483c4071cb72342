import { setTimeout as delay } from "node:timers/promises";
import type { ClientBase } from "pg";
import { sqlStateOf } from "../database/faults.ts";
import { withConnection } from "../database/own-connection.ts";
import { redactText } from "../kernel/redact.ts";
import { connectionLike } from "./own-login.ts";

/** Most work is over before; and between two looks. */
const FIRST_LOOK_MS = 500;
const PAUSE_MS = 1_000;
const MOST_HOLDERS = 3;
/** Nobody waits long for an answer that only explains. */
const BOUNDS = { connectionTimeoutMillis: 3_000, query_timeout: 3_000 };

/** Failures that end a wait: lock_timeout, and statement_timeout. */
const ENDS_A_WAIT = new Set(["55P03", "57014"]);

/**
 * Looks, on a connection of its own, whom the statements of a session wait for: PostgreSQL names nobody
 * when it gives up.
 */
export class LockWaits {
  readonly #admin: ClientBase;
  readonly #tell: ((message: string) => unknown) | undefined;
  #latest: string | null = null;

  /**
   * @param admin whose login is used to look
   * @param tell told of each wait, and of it again when others hold it; its failures are nobody's
   */
  constructor(admin: ClientBase, tell?: (message: string) => unknown) {
    this.#admin = admin;
    this.#tell = tell;
  }

  /** Runs `work` on a session that is looked at meanwhile; `what` is told to wait, such as a file with its line. */
  async during<T>(session: ClientBase, what: string, work: () => Promise<T>): Promise<T> {
    this.#latest = null;
    const ended = new AbortController();
    const looking = this.#look(session, what, ended.signal).catch(() => undefined);
    try {
      return await work();
    } finally {
      ended.abort();
      await looking;
    }
  }

  /** What to say of a failure beside its message: whom it waited for. */
  behind(error: unknown): string {
    const waited = this.#latest !== null && ENDS_A_WAIT.has(sqlStateOf(error) ?? "");
    return waited ? `; it waited for ${this.#latest}` : "";
  }

  async #look(session: ClientBase, what: string, ended: AbortSignal): Promise<void> {
    const { processID } = session as ClientBase & { readonly processID: number };
    await delay(FIRST_LOOK_MS, undefined, { signal: ended });
    await withConnection({ ...connectionLike(this.#admin), ...BOUNDS }, async (client) => {
      for (; !ended.aborted; await delay(PAUSE_MS, undefined, { signal: ended })) {
        const wait = await waitOf(client, processID);
        if (ended.aborted) return;
        const others = wait !== this.#latest;
        this.#latest = wait;
        if (wait !== null && others) await this.#tell?.(`${what} waits for ${wait}`);
      }
    });
  }
}

interface Wait {
  readonly kind: string;
  readonly mode: string;
  readonly relation: string | null;
  readonly holders: readonly Holder[];
}

interface Holder {
  /** 0 for a prepared transaction. */
  readonly pid: number;
  /** These are null where the admin may not see them, or the session has just ended. */
  readonly user: string | null;
  readonly database: string | null;
  readonly application: string | null;
  readonly state: string | null;
  readonly since: string | null;
}

/** What a session waits for and who holds it, in words; null where it waits for nobody. */
async function waitOf(client: ClientBase, pid: number): Promise<string | null> {
  const { rows } = await client.query<Wait>(
    `select l.locktype as kind, l.mode, l.relation::pg_catalog.regclass::text as relation,
       array(select pg_catalog.jsonb_build_object('pid', holder.pid, 'user', a.usename,
           'database', a.datname, 'application', nullif(a.application_name, ''), 'state', a.state,
           'since', to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
         from (select distinct unnest(pg_catalog.pg_blocking_pids(l.pid)) as pid) as holder
         left join pg_catalog.pg_stat_activity a on a.pid = holder.pid
         order by a.xact_start, holder.pid) as holders
     from pg_catalog.pg_locks l where l.pid = $1 and not l.granted limit 1`,
    [pid],
  );
  const [wait] = rows;
  if (wait === undefined || wait.holders.length === 0) return null;
  const shown = wait.holders.slice(0, MOST_HOLDERS).map(holderInWords);
  const more = wait.holders.length - shown.length;
  if (more > 0) shown.push(`${more} more`);
  return redactText(`${wantedInWords(wait)}: ${shown.join(", ")}`);
}

/** CONCURRENTLY waits for whole transactions, also for those that have but looked at something else. */
function wantedInWords({ kind, mode, relation }: Wait): string {
  if (kind === "virtualxid") return "the end of a transaction that began before it";
  if (kind === "transactionid") return "the end of a transaction that changed the same rows";
  return relation === null ? `a lock (${kind}, ${mode})` : `a lock on ${relation} (${mode})`;
}

function holderInWords({ pid, user, database, application, state, since }: Holder): string {
  if (pid === 0) return "a prepared transaction, see pg_prepared_xacts";
  const facts = [
    user && `user ${user}`,
    database && `database ${database}`,
    application && `application ${application}`,
    state,
    since && `since ${since}`,
  ].filter(Boolean);
  return `process ${pid}${facts.length === 0 ? "" : ` (${facts.join(", ")})`}`;
}
