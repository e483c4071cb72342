import type { EntityManager } from "../../database/orm.ts";
import type { Operation } from "../engine/operation.entity.ts";
import type { Finding } from "./finding.ts";

/** An operation that has not ended, and what the durable engine knows of it. */
export interface ActiveOperation
  extends Pick<Operation, "id" | "kind" | "state" | "subjectId" | "subjectName"> {
  /** The engine's status of its workflow; null when the engine does not know it. */
  readonly engine: string | null;
  /** Whether the worker that holds it is alive; for one that waits, whether any worker is. */
  readonly owned: boolean;
}

/** The engine's states of a workflow that will run on by itself. */
const GOING = ["PENDING", "ENQUEUED", "DELAYED"];

/** Whether the engine will never end it: its workflow is gone, or came to an end without ours. */
export const isLost = ({ engine }: Pick<ActiveOperation, "engine">): boolean =>
  engine === null || !GOING.includes(engine);

/** Longer than a takeover takes: what another worker is about to take up is no finding. */
const UNSEEN = "15 seconds";

/** Every operation that has not ended, dry runs included, of one tenant or of all. */
export async function activeOperations(
  em: EntityManager,
  subjectId: string | null,
): Promise<ActiveOperation[]> {
  return await em.execute<ActiveOperation[]>(
    `with alive as (
       select executor_id from platform.worker
       where stopped_at is null and seen_at > now() - ?::interval)
     select o.id, o.kind, o.state, o.subject_id as "subjectId", o.subject_name as "subjectName",
       w.status as engine,
       case when w.status = 'PENDING' then a.executor_id is not null
         else exists (select 1 from alive) end as owned
     from platform.operation o
     left join dbos.workflow_status w on w.workflow_uuid = o.id::text
     left join alive a on a.executor_id = w.executor_id
     where o.finished_at is null and (?::uuid is null or o.subject_id = ?::uuid)
     order by o.id`,
    [UNSEEN, subjectId, subjectId],
  );
}

/** What is wrong with an operation that has not ended; null for one that goes its way. */
export function findingOf(operation: ActiveOperation): Finding | null {
  const { id, kind, state, engine, owned } = operation;
  if (isLost(operation)) {
    const known = engine === null ? "does not know it" : `ended it as ${engine}`;
    return {
      code: "OPERATION_LOST",
      message: `Operation ${kind} ${id} is ${state}, but the durable engine ${known}`,
      repair: engine === null && state === "PENDING" ? "ENQUEUE" : "SETTLE",
    };
  }
  if (owned) return null;
  const why = engine === "PENDING" ? "its worker is not alive" : "no worker is alive";
  return {
    code: "OPERATION_UNOWNED",
    message: `Operation ${kind} ${id} waits for a worker: ${why}`,
    repair: null,
  };
}
