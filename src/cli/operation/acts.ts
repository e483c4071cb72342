import { OPERATION_STATES } from "../../operations/engine/operation.entity.ts";
import { TENANT_ACTS } from "../../tenants/lifecycle.ts";
import { firstNodes, type Page } from "../api/api.ts";
import { runAnywhere } from "../session.ts";
import { formatDuration } from "../terminal/duration.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { type LimitFlags, limitOf, oneOf } from "../terminal/flag-values.ts";
import { minuteOf, writeTable } from "../terminal/table.ts";
import { ListOperations } from "./documents.ts";
import { exitCodeOf, lookOn, seeThrough } from "./follow-operation.ts";
import {
  cancelOperation,
  readOperation,
  retryOperation,
  type ShownOperation,
} from "./operations.ts";
import { durationOf, operationJson, showResult, startedJson } from "./show-result.ts";
import { sumUp } from "./start-operation.ts";

interface JsonFlag {
  readonly json?: boolean;
}

/** `tenantry operation watch`: shows an operation from its beginning until it has ended. */
export async function watch(id: string, flags: JsonFlag): Promise<void> {
  return await runAnywhere(flags, async (session) => {
    const { api, out } = session;
    const found = await readOperation(api, id);
    const json = flags.json ?? false;
    if (!json) out.line(`${found.kind} of ${out.style("bold", found.slug)}  (operation ${id})`);
    const watched = await lookOn(session, found, json);
    if (json) out.json({ type: "RESULT", operation: operationJson(watched.operation) });
    else await showResult(out, watched.operation);
    return exitCodeOf(watched);
  });
}

/** The flags of `operation list`. */
export interface OperationListFlags extends LimitFlags {
  readonly slug?: string;
  readonly kind?: string;
  readonly state?: string;
  readonly dryRuns: boolean;
}

/** `tenantry operation list`: the newest operations first. */
export async function listOperations(flags: OperationListFlags): Promise<void> {
  const { slug, kind, state } = flags;
  const limit = limitOf(flags);
  const filter = {
    ...(flags.dryRuns ? {} : { dryRun: false }),
    ...(slug === undefined ? {} : { slug }),
    ...(kind === undefined ? {} : { kind: [oneOf("--kind", kind, TENANT_ACTS)] }),
    ...(state === undefined ? {} : { state: [oneOf("--state", state, OPERATION_STATES)] }),
  };
  return await runAnywhere(flags, async ({ api, out }) => {
    const read = async (page: Page) =>
      (await api.execute(ListOperations, { filter, ...page })).operations;
    const json = (operation: ShownOperation) => out.json(operationJson(operation));
    const { nodes: operations, more } = await firstNodes(
      limit,
      read,
      flags.json ? json : undefined,
    );
    if (operations.length === 0 && !flags.json) out.note("No operations.");
    else if (!flags.json)
      writeTable(
        out,
        ["OPERATION", "KIND", "STATE", "SLUG", "TOOK", "CREATED", "ERROR"],
        operations.map(rowOf),
      );
    if (more) out.note(`There are more than ${limit}: raise --limit, or filter.`);
    return EXIT.ok;
  });
}

function rowOf(operation: ShownOperation): string[] {
  const { id, kind, state, slug, dryRun, startedAt, finishedAt, createdAt, error } = operation;
  const took = startedAt && finishedAt ? formatDuration(durationOf(startedAt, finishedAt)) : "";
  return [
    ...[id, dryRun ? `${kind} (dry run)` : kind, state, slug, took],
    minuteOf(createdAt),
    error?.code ?? "",
  ];
}

/** `tenantry operation retry`: takes a failed operation up again and waits for its end. */
export async function retry(id: string, flags: JsonFlag): Promise<void> {
  return await runAnywhere(flags, async (session) => {
    const { api, out } = session;
    const operation = await retryOperation(api, id);
    const json = flags.json ?? false;
    if (json) out.json(startedJson(operation));
    else
      out.line(
        `Retrying ${operation.kind} of ${out.style("bold", operation.slug)}  (operation ${operation.id})`,
      );
    return await seeThrough(session, operation, { json }, (watched) =>
      sumUp(session, watched, json),
    );
  });
}

/** `tenantry operation cancel`: asks an operation to stop, and waits until what it did is undone. */
export async function cancel(id: string, flags: JsonFlag): Promise<void> {
  return await runAnywhere(flags, async (session) => {
    const { api, out } = session;
    const asked = await cancelOperation(api, id);
    const json = flags.json ?? false;
    return await seeThrough(session, asked, { json }, async ({ operation, interrupted }) => {
      if (json) out.json({ type: "RESULT", operation: operationJson(operation) });
      else await showResult(out, operation);
      if (operation.state === "CANCELLED") return EXIT.ok;
      if (operation.state === "SUCCEEDED") out.note("It was past the last moment to stop it.");
      return interrupted ? EXIT.interrupted : EXIT.failed;
    });
  });
}
