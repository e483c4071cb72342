import type { EntityManager } from "../database/orm.ts";
import { authorize } from "../iam/grants.ts";
import { hasEnded } from "../operations/engine/journal.ts";
import { OPERATION_STATES, type Operation } from "../operations/engine/operation.entity.ts";
import { listOperations as findOperations, type OperationFilter } from "../operations/list.ts";
import { cancelOperation, retryOperation } from "../operations/retry-and-cancel.ts";
import { TENANT_ACTS } from "../tenants/lifecycle.ts";
import { formatDuration } from "./duration.ts";
import { EXIT } from "./exit-codes.ts";
import { firstRows } from "./first-rows.ts";
import { limitOf, oneOf } from "./flag-values.ts";
import { exitCodeOf, readOperation, seeThrough, watchOperation } from "./follow-operation.ts";
import { runOnPlatform } from "./session.ts";
import { operationJson, showResult } from "./show-result.ts";
import { noteMissingWorker, sumUp } from "./start-operation.ts";
import { writeTable } from "./table.ts";

interface JsonFlag {
  readonly json?: boolean;
}

/** `tenantry operation watch`: shows an operation from its beginning until it has ended. */
export async function watch(id: string, flags: JsonFlag): Promise<never> {
  return await runOnPlatform(flags, async (session) => {
    const { platform, actor, out } = session;
    authorize(actor, "operation:read");
    const found = await readOperation(platform, id);
    if (!hasEnded(found.state)) await noteMissingWorker(session);
    const json = flags.json ?? false;
    if (!json)
      out.line(`${found.kind} of ${out.style("bold", found.subjectName)}  (operation ${id})`);
    const watched = await watchOperation(session, id, { json, helper: null });
    if (json) out.json({ type: "RESULT", operation: operationJson(watched.operation) });
    else showResult(out, watched.operation);
    return exitCodeOf(watched);
  });
}

/** The flags of `operation list`. */
export interface OperationListFlags extends JsonFlag {
  readonly slug?: string;
  readonly kind?: string;
  readonly state?: string;
  readonly limit: string;
}

/** `tenantry operation list`: the newest operations first. */
export async function listOperations(flags: OperationListFlags): Promise<never> {
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    const { slug, kind, state } = flags;
    const limit = limitOf(flags.limit);
    const filter: OperationFilter = {
      ...(slug === undefined ? {} : { slug }),
      ...(kind === undefined ? {} : { kind: oneOf("--kind", kind, TENANT_ACTS) }),
      ...(state === undefined ? {} : { state: oneOf("--state", state, OPERATION_STATES) }),
    };
    authorize(actor, "operation:read");
    const em = platform.orm.em.fork() as EntityManager;
    const { rows: operations, more } = await firstRows(limit, (page) =>
      findOperations(em, filter, page),
    );
    if (flags.json) for (const operation of operations) out.json(operationJson(operation));
    else if (operations.length === 0) out.note("No operations.");
    else
      writeTable(
        out,
        ["OPERATION", "KIND", "STATE", "SLUG", "TOOK", "CREATED", "ERROR"],
        operations.map(rowOf),
      );
    if (more) out.note(`There are more than ${limit}: raise --limit, or filter.`);
    return EXIT.ok;
  });
}

function rowOf(operation: Operation): string[] {
  const { id, kind, state, subjectName, dryRun, startedAt, finishedAt, createdAt, error } =
    operation;
  const took =
    startedAt && finishedAt ? formatDuration(finishedAt.getTime() - startedAt.getTime()) : "";
  return [
    ...[id, dryRun ? `${kind} (dry run)` : kind, state, subjectName, took],
    createdAt.toISOString().slice(0, 16).replace("T", " "),
    error?.code ?? "",
  ];
}

/** `tenantry operation retry`: takes a failed operation up again and waits for its end. */
export async function retry(id: string, flags: JsonFlag): Promise<never> {
  return await runOnPlatform(flags, async (session) => {
    const { platform, actor, out } = session;
    authorize(actor, "operation:retry");
    await readOperation(platform, id);
    const operation = await retryOperation(platform, actor, id);
    const json = flags.json ?? false;
    if (json) out.json({ type: "STARTED", replayed: false, operation: operationJson(operation) });
    else
      out.line(
        `Retrying ${operation.kind} of ${out.style("bold", operation.subjectName)}  (operation ${operation.id})`,
      );
    return await seeThrough(session, operation, { json }, (watched) =>
      sumUp(session, watched, json),
    );
  });
}

/** `tenantry operation cancel`: asks an operation to stop, and waits until what it did is undone. */
export async function cancel(id: string, flags: JsonFlag): Promise<never> {
  return await runOnPlatform(flags, async (session) => {
    const { platform, actor, out } = session;
    authorize(actor, "operation:cancel");
    await readOperation(platform, id);
    const asked = await cancelOperation(platform, actor, id);
    const json = flags.json ?? false;
    return await seeThrough(session, asked, { json }, async ({ operation, interrupted }) => {
      if (json) out.json({ type: "RESULT", operation: operationJson(operation) });
      else showResult(out, operation);
      if (operation.state === "CANCELLED") return EXIT.ok;
      if (operation.state === "SUCCEEDED") out.note("It was past the last moment to stop it.");
      return interrupted ? EXIT.interrupted : EXIT.failed;
    });
  });
}
