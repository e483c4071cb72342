import { z } from "zod";
import type { Actor } from "../../iam/actor.ts";
import { authorize } from "../../iam/grants.ts";
import type { Logger } from "../../observability/logger.ts";
import { type FollowPorts, followEvents } from "../engine/follow.ts";
import type { Operation } from "../engine/operation.entity.ts";
import { deletes, Repair, remediesOf } from "./finding.ts";
import { settleSecrets } from "./late-secrets.ts";
import { onlyOne } from "./only-one.ts";
import type { RepairPorts } from "./ports.ts";
import {
  byItself,
  type Choose,
  type Repaired,
  type Reported,
  repairAll,
  unasked,
} from "./repair.ts";
import { type TenantHealth, tenantHealth } from "./tenant-health.ts";

/** What the doctor found, and what it set going. */
export interface DoctorReport {
  /** How it was before anything was mended. */
  readonly findings: TenantHealth[];
  readonly started: Operation[];
  /** Operations that nobody ran, and that are on the queue again. */
  readonly resumed: readonly Operation[];
  /** What was mended, by the started operations or at once. */
  readonly repaired: readonly Reported[];
  /** What could not be mended; the message says why. */
  readonly failed: readonly Reported[];
}

export const MendInput = z
  .strictObject({
    slug: z.string().optional().describe("The slug of one tenant; all when left out."),
    slugs: z
      .array(z.string())
      .optional()
      .describe(
        "The slugs of tenants, where nothing but these is to be mended, such as those that somebody has seen and agreed to. A slug of which nothing is found is passed over.",
      ),
    remedies: z
      .array(Repair)
      .optional()
      .describe(
        "The remedies that may be applied: for each finding the first of its own that is named here. Left out, those that are `safe`. Nothing is deleted but by one that is named.",
      ),
  })
  .meta({ description: "What to mend, and how.", argument: "What and how." });

/** What the doctor is asked for. */
interface DoctorRequest {
  readonly slug?: string | undefined;
  /** Nothing but these is mended. */
  readonly slugs?: readonly string[] | undefined;
  /**
   * Which remedies may be applied: true for those that are safe, or exactly these; for a finding the first of
   * its own that is among them.
   */
  readonly fix: true | readonly Repair[];
}

/**
 * Examines one tenant or all, and applies the remedies that were asked for, without waiting for the
 * operations that it starts. Nothing is deleted but by a remedy that is named. Run it again to see what is
 * left.
 *
 * @throws DomainError E_FORBIDDEN for remedies that the role does not allow, E_TENANT_NOT_FOUND
 */
export async function runDoctor(
  ports: RepairPorts,
  actor: Actor,
  { slug, slugs, fix }: DoctorRequest,
): Promise<DoctorReport> {
  if (fix !== true) authorizeRemedies(actor, fix);
  // What is found of the service as a whole may speak against mending any of them.
  const findings = (await tenantHealth(ports, { slug })).filter(
    (health) => health.slug === null || (slugs?.includes(health.slug) ?? true),
  );
  const choose: Choose =
    fix === true
      ? unasked
      : (finding) => remediesOf(finding).find((repair) => fix.includes(repair)) ?? null;
  const { reported: _, started, ...done } = await repairAll(ports, actor, findings, choose);
  return { findings, started: [...started], ...done };
}

/** Remedies that decide what is true of a tenant. */
const DECIDING: readonly Repair[] = ["ADOPT", "FOLLOW_STATUS", "FOLLOW_SECRET"];

function authorizeRemedies(actor: Actor, fix: readonly Repair[]): void {
  if (fix.some(deletes)) authorize(actor, "tenant:purge");
  if (fix.some((repair) => DECIDING.includes(repair))) authorize(actor, "tenant:force");
}

export interface ReconcilePorts extends RepairPorts, FollowPorts {
  readonly databaseUrl: string;
}

/** What a reconciliation did, and what it left to people. */
export type Reconciliation = Pick<Repaired, "repaired" | "reported">;

export const RECONCILER: Actor = {
  kind: "SYSTEM",
  id: "reconciler",
  name: "reconciler",
  role: "ADMINISTRATOR",
  address: null,
};

/** A schema that is made again needs its seeds behind it: one operation after the other. */
const ROUNDS = 3;

/**
 * Finds tenants whose status contradicts what exists, and for operations that nobody will end;
 * mends what is safe and logs the rest. Does nothing where another process is at it.
 *
 * @param signal ends it at the next tenant or operation
 */
export async function reconcile(
  ports: ReconcilePorts,
  log: Logger,
  signal: AbortSignal = new AbortController().signal,
): Promise<Reconciliation> {
  const outcome = await onlyOne(ports.databaseUrl, "reconcile", async () => {
    await settleSecrets(ports, RECONCILER, signal);
    return await rounds(ports, signal);
  });
  if (outcome === null) log.debug("another process reconciles");
  const { repaired, reported } = outcome ?? { repaired: [], reported: [] };
  for (const entry of repaired) log.warn({ ...entry }, "repaired");
  for (const entry of reported) log.warn({ ...entry }, "needs a look");
  return { repaired, reported };
}

async function rounds(ports: ReconcilePorts, signal: AbortSignal): Promise<Reconciliation> {
  const tried = new Set<string>();
  const repaired: Reported[] = [];
  for (let round = 1; ; round += 1) {
    const healths = await tenantHealth(ports, { deep: false });
    if (signal.aborted) return { repaired, reported: [] };
    const done = await repairAll(ports, RECONCILER, healths, byItself, tried);
    repaired.push(...done.repaired);
    if (done.started.length === 0 || round === ROUNDS) return { repaired, reported: done.reported };
    await Promise.all(done.started.map(({ id }) => ended(ports, id, signal)));
    if (signal.aborted) return { repaired, reported: done.reported };
  }
}

/** Waits for the end of an operation, or for the signal. */
async function ended(ports: FollowPorts, id: string, signal: AbortSignal): Promise<void> {
  const events = followEvents(ports, id, 0);
  const stop = () => void events.return?.();
  signal.addEventListener("abort", stop);
  try {
    if (signal.aborted) stop();
    for await (const _ of events);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
