import type { EntityManager } from "../../database/orm.ts";
import { phasesOf } from "../engine/abilities.ts";
import { WORKFLOWS } from "../engine/dbos-tables.ts";
import { ALIVE } from "../engine/liveness.ts";
import type { Operation } from "../engine/operation.entity.ts";
import type { Finding } from "./finding.ts";

/** An operation that has not ended, and what the durable engine knows of it. */
export interface ActiveOperation
  extends Pick<Operation, "id" | "kind" | "state" | "subjectId" | "subjectName"> {
  /** The engine's status of its workflow; null when the engine does not know it. */
  readonly engine: string | null;
  /** Whether the worker that holds it is alive; for one that waits, whether any worker is. */
  readonly owned: boolean;
  /** Whether it was claimed so long ago that it should have begun. */
  readonly overdue: boolean;
  /** Whether a worker is alive that can run it, or none is alive at all. */
  readonly known: boolean;
}

/** The engine's states of a workflow that will run on by itself. */
const GOING = ["PENDING", "ENQUEUED", "DELAYED"];

/** Whether the engine will never end it: its workflow is gone, or came to an end without ours. */
export const isLost = ({ engine }: Pick<ActiveOperation, "engine">): boolean =>
  engine === null || !GOING.includes(engine);

/** Longer than a takeover takes: what another worker is about to take up is no finding. */
const TAKEOVER = "9 seconds";
/** Longer than a worker takes to find a claim of its own that was lost. */
const BEGUN_WITHIN_MS = 15_000;

/** Every operation that has not ended, dry runs included, of one tenant or of all; or one by its id. */
export async function activeOperations(
  em: EntityManager,
  {
    subjectId = null,
    id = null,
  }: { readonly subjectId?: string | null; readonly id?: string | null },
): Promise<ActiveOperation[]> {
  return await em.execute<ActiveOperation[]>(
    `with alive as (
       select executor_id, kinds, unread from platform.worker
       where ${ALIVE} or (stopped_at is null and seen_at > now() - time_to_live - ?::interval))
     select o.id, o.kind, o.state, o.subject_id as "subjectId", o.subject_name as "subjectName",
       w.status as engine,
       case when w.status = 'PENDING' then a.executor_id is not null
         else exists (select 1 from alive) end as owned,
       coalesce(w.started_ms < extract(epoch from now()) * 1000 - ?, false) as overdue,
       not exists (select 1 from alive) or exists (
         select 1 from alive where (kinds is null or kinds -> o.kind @> ${phasesOf("o.id")})
           and not o.id = any(unread)) as known
     from platform.operation o
     left join ${WORKFLOWS} w on w.id = o.id::text
     left join alive a on a.executor_id = w.executor_id
     where o.finished_at is null and (?::uuid is null or o.subject_id = ?::uuid)
       and (?::uuid is null or o.id = ?::uuid)
     order by o.id`,
    [TAKEOVER, BEGUN_WITHIN_MS, subjectId, subjectId, id, id],
  );
}

/** What is wrong with an operation that has not ended; null for one that goes its way. */
export function findingOf(operation: ActiveOperation): Finding | null {
  const { id, kind, state, engine, owned, overdue, known } = operation;
  if (isLost(operation)) {
    const verdict = engine === null ? "does not know it" : `ended it as ${engine}`;
    return {
      code: "OPERATION_LOST",
      message: `Operation ${kind} ${id} is ${state}, but the durable engine ${verdict}`,
      repair: engine === null && state === "PENDING" ? "ENQUEUE" : "SETTLE",
    };
  }
  if (!owned) {
    const why =
      engine === "PENDING"
        ? "the one that has claimed it is not alive"
        : "none is alive; start one with `tenantry worker` or `npm start`";
    return {
      code: "OPERATION_UNOWNED",
      message: `Operation ${kind} ${id} waits for a worker: ${why}`,
      repair: "RESUME",
    };
  }
  if (!known)
    return {
      code: "OPERATION_UNKNOWN",
      message: `No worker that is alive can run operation ${kind} ${id}: start one of the version that it was asked for with`,
      repair: null,
    };
  if (engine !== "PENDING" || state !== "PENDING" || !overdue) return null;
  return {
    code: "OPERATION_STUCK",
    message: `Operation ${kind} ${id} was claimed by a worker that is alive, and has not begun`,
    repair: "RESUME",
  };
}
