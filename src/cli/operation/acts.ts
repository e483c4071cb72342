import { OPERATION_STATES } from "../../operations/engine/operation.entity.ts";
import type { OperationFilter } from "../../operations/list.ts";
import { TENANT_ACTS } from "../../tenants/lifecycle.ts";
import type { ShownOperation } from "../backend.ts";
import { runAnywhere } from "../session.ts";
import { formatDuration } from "../terminal/duration.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { limitOf, oneOf } from "../terminal/flag-values.ts";
import { writeTable } from "../terminal/table.ts";
import { exitCodeOf, lookOn, seeThrough } from "./follow-operation.ts";
import { operationJson, showResult, startedJson } from "./show-result.ts";
import { sumUp } from "./start-operation.ts";

interface JsonFlag {
  readonly json?: boolean;
}

/** `tenantry operation watch`: shows an operation from its beginning until it has ended. */
export async function watch(id: string, flags: JsonFlag): Promise<void> {
  return await runAnywhere(flags, async (session) => {
    const { backend, out } = session;
    const found = await backend.operation(id);
    const json = flags.json ?? false;
    if (!json)
      out.line(`${found.kind} of ${out.style("bold", found.subjectName)}  (operation ${id})`);
    const watched = await lookOn(session, found, json);
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
export async function listOperations(flags: OperationListFlags): Promise<void> {
  const { slug, kind, state } = flags;
  const limit = limitOf(flags.limit);
  const filter: OperationFilter = {
    ...(slug === undefined ? {} : { slug }),
    ...(kind === undefined ? {} : { kind: oneOf("--kind", kind, TENANT_ACTS) }),
    ...(state === undefined ? {} : { state: oneOf("--state", state, OPERATION_STATES) }),
  };
  return await runAnywhere(flags, async ({ backend, out }) => {
    const { rows: operations, more } = await backend.operations(filter, limit);
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

function rowOf(operation: ShownOperation): string[] {
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
export async function retry(id: string, flags: JsonFlag): Promise<void> {
  return await runAnywhere(flags, async (session) => {
    const { backend, out } = session;
    const operation = await backend.retry(id);
    const json = flags.json ?? false;
    if (json) out.json(startedJson(operation));
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
export async function cancel(id: string, flags: JsonFlag): Promise<void> {
  return await runAnywhere(flags, async (session) => {
    const { backend, out } = session;
    const asked = await backend.cancel(id);
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
