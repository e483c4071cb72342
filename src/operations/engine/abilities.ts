import type { EntityManager, Orm } from "../../database/orm.ts";
import { faultOf } from "../../kernel/input.ts";
import { ALIVE } from "./liveness.ts";
import type { AnyOperation } from "./phase.ts";

/** What a worker can run: the phases of each kind, in order. */
export type Abilities = Readonly<Record<string, readonly string[]>>;

/** The abilities of a worker that has these definitions. */
export const abilitiesOf = (definitions: Iterable<AnyOperation>): Abilities =>
  Object.fromEntries(
    [...definitions].map(({ kind, phases }) => [kind, phases.map(({ name }) => name)]),
  );

/** The phases that an operation was begun with, in SQL, as they stand in `worker.kinds`. */
export const phasesOf = (operationId: string): string =>
  `(select jsonb_agg(name order by position) from platform.operation_phase
    where operation_id = ${operationId})`;

/** What this worker has. */
interface Own {
  readonly executorId: string;
  readonly definitions: ReadonlyMap<string, AnyOperation>;
  /** Tells its migration folder and seeds from those of others; null where they are refused. */
  fingerprint(): Promise<string | null>;
}

interface Needed {
  readonly kind: string;
  readonly input: unknown;
  readonly phases: readonly string[] | null;
  readonly folder: string | null;
  /** Whether a worker is alive that has the same phases. */
  readonly sameAlive: boolean;
  /** Whether one is alive that has the folder as well. */
  readonly folderAlive: boolean;
}

/** So many operations a worker notes; the tenants of more wait for one reason. */
const MOST_UNREAD = 1_000;

/** Notes that this worker cannot read an operation's input, so that the doctor knows who can run it. */
const noteUnread = (em: EntityManager, { executorId }: Own, operationId: string) =>
  em.execute(
    `update platform.worker set unread = array_append(unread, ?::uuid)
     where executor_id = ? and not ?::uuid = any(unread) and cardinality(unread) < ?`,
    [operationId, executorId, operationId, MOST_UNREAD],
  );

/**
 * Whether this worker is to leave an operation to another one, and why: it does not know its kind, one of its
 * phases, or something of its input, which may be what makes it safe; or a worker is alive that suits it better,
 * since it has the very phases, or the migration folder and the seeds of the worker that began it. Where no such
 * worker is alive, this one goes on.
 */
export async function whyLeave(orm: Orm, own: Own, operationId: string): Promise<string | null> {
  const em = orm.em.fork() as EntityManager;
  const [needed] = await em.execute<Needed[]>(
    `select o.kind, o.input, o.folder, p.phases,
       exists (select from platform.worker
         where ${ALIVE} and kinds -> o.kind = p.phases) as "sameAlive",
       exists (select from platform.worker where ${ALIVE}
         and kinds -> o.kind @> p.phases and folder = o.folder) as "folderAlive"
     from platform.operation o cross join lateral (select ${phasesOf("o.id")} as phases) p
     where o.id = ?`,
    [operationId],
  );
  if (!needed) return null;
  const { kind, input, phases, folder, sameAlive, folderAlive } = needed;
  const definition = own.definitions.get(kind);
  if (!definition) return `kind ${kind}`;
  const names: readonly string[] = definition.phases.map(({ name }) => name);
  const unknown = (phases ?? []).filter((phase) => !names.includes(phase));
  if (unknown.length > 0) return `phases ${unknown.join(", ")} of ${kind}`;
  const { error } = definition.input.safeParse(input);
  if (error) {
    await noteUnread(em, own, operationId);
    return `the input of ${kind}: ${faultOf(error)}`;
  }
  if (phases?.join() !== names.join() && sameAlive) return `other phases of ${kind}`;
  if (!definition.appliesFiles) return null;
  const mine = await own.fingerprint();
  if (folder === mine) return null;
  if (folder !== null && folderAlive) return "another migration folder, or other seeds";
  await em.execute("update platform.operation set folder = ? where id = ?", [mine, operationId]);
  return null;
}
