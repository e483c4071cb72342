import type { TenantStart } from "../../operations/parts/start-on-each.ts";
import { noteMissingWorker, seeAllThrough } from "../operation/follow-operation.ts";
import { operationJson, showResult, startedJson } from "../operation/show-result.ts";
import type { RunFlags } from "../operation/start-operation.ts";
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
  for (const operation of operations) {
    if (json) out.json(startedJson(operation));
    else if (!wait)
      out.line(`${operation.kind} of ${operation.subjectName}  (operation ${operation.id})`);
  }
  const refusals = starts.flatMap((each) => ("error" in each ? [each] : []));
  for (const refusal of refusals) {
    if (json) out.json({ type: "ERROR", slug: refusal.slug, error: publicError(refusal.error) });
    else out.note(describeRefusal(out, refusal.error));
  }
  if (starts.length === 0 && !json) out.note(nobody);
  const begun = refusals.length === 0 ? EXIT.ok : EXIT.failed;
  if (!wait) {
    if (operations.length > 0) await noteMissingWorker(session);
    return begun;
  }
  const { operations: ended, interrupted } = await seeAllThrough(session, operations, { json });
  for (const operation of ended) {
    if (json) out.json({ type: "OPERATION", operation: operationJson(operation) });
    else showResult(out, operation);
  }
  const [started, refused] = [operations.length, refusals.length];
  const succeeded = ended.filter(({ state }) => state === "SUCCEEDED").length;
  if (json) out.json({ type: "RESULT", started, succeeded, refused });
  if (succeeded === started) return begun;
  return interrupted ? EXIT.interrupted : EXIT.failed;
}
