import type { CommandRefusalFragment } from "../../client/generated/graphql.ts";
import { refusalOf } from "../api/api.ts";
import { noteMissingWorker, seeAllThrough } from "../operation/follow-operation.ts";
import type { ShownOperation } from "../operation/operations.ts";
import { operationJson, showResult, startedJson } from "../operation/show-result.ts";
import type { RunFlags } from "../operation/start-operation.ts";
import type { Session } from "../session.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { describeRefusal, publicError } from "../terminal/report-error.ts";

/** What became of one tenant: the operation that works on it, or why there is none. */
interface TenantStart {
  readonly slug: string;
  readonly operation: ShownOperation | null;
  readonly error: CommandRefusalFragment | null;
}

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
  const operations = starts.flatMap((each) => each.operation ?? []);
  for (const operation of operations) {
    if (json) out.json(startedJson(operation));
    else if (!wait) out.line(`${operation.kind} of ${operation.slug}  (operation ${operation.id})`);
  }
  const refusals = starts.flatMap(({ slug, error }) =>
    error ? [{ slug, error: refusalOf(error) }] : [],
  );
  for (const { slug, error } of refusals) {
    if (json) out.json({ type: "ERROR", slug, error: publicError(error) });
    else out.note(describeRefusal(out, error));
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
    else await showResult(out, operation);
  }
  const [started, refused] = [operations.length, refusals.length];
  const succeeded = ended.filter(({ state }) => state === "SUCCEEDED").length;
  if (json) out.json({ type: "RESULT", started, succeeded, refused });
  if (succeeded === started) return begun;
  return interrupted ? EXIT.interrupted : EXIT.failed;
}
