import { setTimeout as pause } from "node:timers/promises";
import type { OperationKind } from "../../client/generated/graphql.ts";
import type { Api } from "../api/api.ts";
import type { Session } from "../session.ts";
import { ListOperations } from "./documents.ts";
import { showToEnd } from "./follow-operation.ts";
import type { ShownOperation } from "./operations.ts";
import { showResult, startedJson } from "./show-result.ts";

/** How long the command waits for the operation to be started, which the worker does. */
const START_MS = 15_000;
const LOOK_AGAIN_MS = 100;

/** What the platform starts by itself, right behind an operation. */
interface Following {
  readonly kind: OperationKind;
  readonly title: string;
}

/** Shows what follows an operation until that has ended, too; null where it has not begun in time. */
export async function seeFollowing(
  session: Session,
  first: ShownOperation,
  { kind, title }: Following,
  json: boolean,
): Promise<ShownOperation | null> {
  const { api, out } = session;
  const next = await startedBehind(api, first, kind);
  if (next === null) {
    const list = `tenantry operation list --slug ${first.slug} --kind ${kind.toLowerCase()}`;
    out.note(`${kind} has not begun yet. See: ${list}`);
    return null;
  }
  if (json) out.json(startedJson(next));
  else out.line(`\n${title} ${out.style("bold", next.slug)}  (operation ${next.id})`);
  const operation = await showToEnd(session, next.id, json);
  if (!json) await showResult(out, operation);
  return operation;
}

async function startedBehind(
  api: Api,
  { id, slug }: ShownOperation,
  kind: OperationKind,
): Promise<ShownOperation | null> {
  const deadline = Date.now() + START_MS;
  for (;;) {
    const variables = { filter: { slug, kind: [kind] }, first: 1 };
    const [newest] = (await api.execute(ListOperations, variables)).operations.nodes;
    if (newest !== undefined && newest.id > id) return newest;
    if (Date.now() > deadline) return null;
    await pause(LOOK_AGAIN_MS);
  }
}
