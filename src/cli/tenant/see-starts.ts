import type { TenantStart } from "../../operations/parts/start-on-each.ts";
import { seeAllThrough } from "../operation/follow-operation.ts";
import { operationJson, showResult } from "../operation/show-result.ts";
import { noteMissingWorker, type RunFlags } from "../operation/start-operation.ts";
import type { Session } from "../session.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { describeRefusal, publicError } from "../terminal/report-error.ts";

/**
 * Tells what was started on several tenants and what was refused, and shows the operations until all
 * have ended, where somebody waits for them; answers the exit code.
 *
 * @param nobody what is said where there was no tenant
 */
export async function seeStarts(
  session: Session,
  starts: readonly TenantStart[],
  { json = false, wait }: Pick<RunFlags, "json" | "wait">,
  nobody: string,
): Promise<number> {
  const { out } = session;
  const operations = starts.flatMap((each) => ("operation" in each ? [each.operation] : []));
  if (json)
    for (const operation of operations)
      out.json({ type: "STARTED", replayed: false, operation: operationJson(operation) });
  const refusals = starts.flatMap((each) => ("error" in each ? [each] : []));
  for (const refusal of refusals) {
    if (json) out.json({ type: "ERROR", slug: refusal.slug, error: publicError(refusal.error) });
    else out.note(describeRefusal(out, refusal.error));
  }
  if (starts.length === 0 && !json) out.note(nobody);
  const begun = refusals.length === 0 ? EXIT.ok : EXIT.failed;
  if (operations.length === 0) return begun;
  if (!wait) {
    await noteMissingWorker(session);
    return begun;
  }
  const ended = await seeAllThrough(session, operations, { json });
  for (const operation of ended.operations) {
    if (json) out.json({ type: "RESULT", operation: operationJson(operation) });
    else showResult(out, operation);
  }
  if (ended.operations.every(({ state }) => state === "SUCCEEDED")) return begun;
  return ended.interrupted ? EXIT.interrupted : EXIT.failed;
}
