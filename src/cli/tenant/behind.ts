import { setTimeout as pause } from "node:timers/promises";
import type { Backend, ShownOperation } from "../backend.ts";
import { showToEnd } from "../operation/follow-operation.ts";
import { showResult, startedJson } from "../operation/show-result.ts";
import type { Session } from "../session.ts";

/** How long the command waits for the operation to be started, which the worker does. */
const START_MS = 15_000;
const LOOK_AGAIN_MS = 100;

/** What the platform starts by itself, right behind an operation. */
interface Behind {
  readonly kind: string;
  readonly title: string;
}

/** The operation that follows an ended one at once; null where none does. */
export function behindOf({ kind, state, dryRun, input }: ShownOperation): Behind | null {
  if (state !== "SUCCEEDED" || dryRun) return null;
  if (kind === "OFFBOARD" && input.purge === true) return { kind: "PURGE", title: "Purging" };
  if (kind === "ROTATE_CREDENTIALS" && input.gracePeriodSeconds === 0)
    return { kind: "RETIRE_CREDENTIALS", title: "Closing the old login of" };
  return null;
}

/** Shows what follows an operation until that has ended, too; null where it has not begun in time. */
export async function seeBehind(
  session: Session,
  first: ShownOperation,
  { kind, title }: Behind,
  json: boolean,
): Promise<ShownOperation | null> {
  const { backend, out } = session;
  const next = await startedBehind(backend, first, kind);
  if (next === null) {
    const list = `tenantry operation list --slug ${first.subjectName} --kind ${kind.toLowerCase()}`;
    out.note(`${kind} has not begun yet. See: ${list}`);
    return null;
  }
  if (json) out.json(startedJson(next));
  else out.line(`\n${title} ${out.style("bold", next.subjectName)}  (operation ${next.id})`);
  const operation = await showToEnd(session, next.id, json);
  if (!json) showResult(out, operation);
  return operation;
}

async function startedBehind(
  backend: Backend,
  { id, subjectName: slug }: ShownOperation,
  kind: string,
): Promise<ShownOperation | null> {
  const deadline = Date.now() + START_MS;
  for (;;) {
    const { rows } = await backend.operations({ slug, kind }, 1);
    const [newest] = rows;
    if (newest !== undefined && newest.id > id) return newest;
    if (Date.now() > deadline) return null;
    await pause(LOOK_AGAIN_MS);
  }
}
