import { randomUUID } from "node:crypto";
import type { ActName } from "../backend.ts";
import type { Session } from "../session.ts";
import { behindOf, seeBehind } from "../tenant/behind.ts";
import { accessFields } from "../tenant/first-admin-access.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { exitCodeOf, noteMissingWorker, seeThrough, type Watched } from "./follow-operation.ts";
import { operationJson, showResult, startedJson } from "./show-result.ts";

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
  readonly act: ActName;
  /** What the flags said; read with the operation's own rules. */
  readonly request: Readonly<Record<string, unknown>>;
}

/** Starts an operation, shows its phases until it has ended, and sums it up; answers the exit code. */
export async function startAndSeeThrough(
  session: Session,
  { dryRun = false, idempotencyKey = randomUUID(), json = false, wait }: RunFlags,
  { title, act, request }: Start,
): Promise<number> {
  const { out, backend } = session;
  const options = { dryRun, idempotencyKey };
  const { operation, replayed } = await backend.start(act, request, options);
  if (json) out.json(startedJson(operation, replayed));
  else {
    const again = replayed ? ", started earlier with the same idempotency key" : "";
    out.line(
      `${title} ${out.style("bold", operation.subjectName)}  (operation ${operation.id}${again})`,
    );
  }
  if (!wait) return await leaveIt(session, operation.id);
  return await seeThrough(session, operation, { json }, (watched) => sumUp(session, watched, json));
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
export async function sumUp(session: Session, watched: Watched, json: boolean): Promise<number> {
  const { out } = session;
  const { operation } = watched;
  const access =
    operation.kind === "PROVISION" ? await session.backend.adminAccess(operation) : null;
  if (!json) showResult(out, operation, access ? accessFields(access) : []);
  const behind = behindOf(operation);
  const next = behind && (await seeBehind(session, operation, behind, json));
  if (json) {
    const { firstAdmin: _, credential: __, ...ways } = access ?? {};
    const followedBy = next && operationJson(next);
    out.json({ type: "RESULT", operation: operationJson(operation), followedBy, ...ways });
  }
  if (behind === null) return exitCodeOf(watched);
  return next === null ? EXIT.failed : exitCodeOf({ operation: next, interrupted: false });
}
