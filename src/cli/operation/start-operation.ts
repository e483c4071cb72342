import { randomUUID } from "node:crypto";
import type { Session } from "../session.ts";
import { accessFields, adminAccess } from "../tenant/first-admin-access.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { exitCodeOf, noteMissingWorker, seeThrough, type Watched } from "./follow-operation.ts";
import { seeFollowing } from "./following.ts";
import { start } from "./operations.ts";
import { followedBy, operationJson, showResult, startedJson } from "./show-result.ts";

/** The flags of every command that starts an operation. */
export interface RunFlags {
  readonly dryRun?: boolean;
  readonly idempotencyKey?: string;
  readonly json?: boolean;
  readonly wait: boolean;
}

interface Start {
  /** What the command does, before the tenant's slug: `Migrating`. */
  readonly title: string;
  readonly mutation: string;
  /** What the flags said; the mutation's input. */
  readonly request: Readonly<Record<string, unknown>>;
}

/** Starts an operation, shows its phases until it has ended, and sums it up; answers the exit code. */
export async function startAndSeeThrough(
  session: Session,
  { dryRun = false, idempotencyKey = randomUUID(), json = false, wait }: RunFlags,
  { title, mutation, request }: Start,
): Promise<number> {
  const { out, api } = session;
  const input = { ...request, idempotencyKey, ...(dryRun ? { dryRun } : {}) };
  const { operation, replayed } = await start(api, mutation, input);
  if (json) out.json(startedJson(operation, replayed));
  else {
    const again = replayed ? ", started earlier with the same idempotency key" : "";
    out.line(`${title} ${out.style("bold", operation.slug)}  (operation ${operation.id}${again})`);
  }
  if (!wait) return await leaveIt(session, operation.id);
  return await seeThrough(session, operation, { json }, (watched) =>
    sumUp(session, watched, json, request.adminEmail as string | undefined),
  );
}

/** Says how to watch an operation that the command does not wait for; answers the exit code. */
export async function leaveIt(session: Session, operationId: string): Promise<number> {
  await noteMissingWorker(session);
  session.out.note(`Watch it: tenantry operation watch ${operationId}`);
  return EXIT.ok;
}

/**
 * Writes the end of an operation, with a new tenant's first admin's way in, and sees through what
 * follows it by itself; answers the exit code.
 */
export async function sumUp(
  session: Session,
  watched: Watched,
  json: boolean,
  adminEmail?: string,
): Promise<number> {
  const { out } = session;
  const { operation } = watched;
  const access =
    operation.kind === "PROVISION" ? await adminAccess(session, operation, adminEmail) : null;
  if (!json) await showResult(out, operation, access ? accessFields(access) : []);
  const next = await followedBy(operation);
  const followed = next && (await seeFollowing(session, operation, next, json));
  if (json) {
    const { firstAdmin: _, credential: __, ...ways } = access ?? {};
    const shown = followed && operationJson(followed);
    out.json({ type: "RESULT", operation: operationJson(operation), followedBy: shown, ...ways });
  }
  if (next === null) return exitCodeOf(watched);
  if (followed === null) return EXIT.failed;
  return exitCodeOf({ operation: followed, interrupted: false });
}
