import { setTimeout as pause } from "node:timers/promises";
import type { EntityManager } from "../database/orm.ts";
import type { Operation } from "../operations/engine/operation.entity.ts";
import { listOperations } from "../operations/list.ts";
import { EXIT } from "./exit-codes.ts";
import { exitCodeOf, showToEnd } from "./follow-operation.ts";
import type { Session } from "./session.ts";
import { operationJson, showResult } from "./show-result.ts";

/** How long the command waits for the purge to be started, which the worker does. */
const START_MS = 15_000;
const LOOK_AGAIN_MS = 100;

/** Whether an ended operation is followed by a purge. */
export const isPurgedBehind = ({ kind, state, dryRun, input }: Operation): boolean =>
  kind === "OFFBOARD" && state === "SUCCEEDED" && !dryRun && input.purge === true;

/** Shows the purge that follows an offboarding until it has ended; answers the exit code. */
export async function seePurgeBehind(
  session: Session,
  offboarding: Operation,
  json: boolean,
): Promise<number> {
  const { platform, out } = session;
  const purge = await purgeBehind(platform.orm.em.fork() as EntityManager, offboarding);
  if (purge === null) {
    const list = `tenantry operation list --slug ${offboarding.subjectName} --kind purge`;
    out.note(`The purge has not begun yet. See: ${list}`);
    return EXIT.failed;
  }
  if (!json) out.line(`\nPurging ${out.style("bold", purge.subjectName)}  (operation ${purge.id})`);
  const operation = await showToEnd(session, purge.id, json);
  if (json) out.json({ type: "RESULT", operation: operationJson(operation) });
  else showResult(out, operation);
  return exitCodeOf({ operation, interrupted: false });
}

async function purgeBehind(
  em: EntityManager,
  { id, subjectId }: Operation,
): Promise<Operation | null> {
  if (subjectId === null) return null;
  const deadline = Date.now() + START_MS;
  for (;;) {
    const filter = { subjectId, kind: "PURGE" };
    const { rows } = await listOperations(em, filter, { first: 1, after: null });
    const [newest] = rows;
    if (newest !== undefined && newest.id > id) return newest;
    if (Date.now() > deadline) return null;
    await pause(LOOK_AGAIN_MS);
  }
}
