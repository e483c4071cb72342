import type { Actor } from "../../iam/actor.ts";
import { authorize } from "../../iam/grants.ts";
import type { Logger } from "../../observability/logger.ts";
import { type FollowPorts, followEvents } from "../engine/follow.ts";
import type { Operation } from "../engine/operation.entity.ts";
import { onlyOne } from "./only-one.ts";
import type { RepairPorts } from "./ports.ts";
import { type Repaired, repairAll, type Told } from "./repair.ts";
import { type TenantHealth, tenantHealth } from "./tenant-health.ts";

/** What the doctor found, and what it set going. */
export interface DoctorReport {
  /** How it was before anything was mended. */
  readonly findings: TenantHealth[];
  readonly started: Operation[];
  /** Operations that nobody ran, and that are on the queue again. */
  readonly resumed: readonly Operation[];
  /** What was mended, by the started operations or at once. */
  readonly repaired: readonly Told[];
}

/**
 * Looks at one tenant or at all; with `fix` also mends what is safe to mend, without waiting for
 * the operations that it starts. Deleting is never part of it. Run it again to see what is left.
 *
 * @throws DomainError E_FORBIDDEN, E_TENANT_NOT_FOUND
 */
export async function runDoctor(
  ports: RepairPorts,
  actor: Actor,
  { slug, fix }: { readonly slug?: string | undefined; readonly fix: boolean },
): Promise<DoctorReport> {
  authorize(actor, fix ? "tenant:operate" : "tenant:read");
  const findings = await tenantHealth(ports, { slug });
  if (!fix) return { findings, started: [], resumed: [], repaired: [] };
  const { started, resumed, repaired } = await repairAll(ports, actor, findings);
  return { findings, started: [...started], resumed, repaired };
}

export interface ReconcilePorts extends RepairPorts, FollowPorts {
  readonly databaseUrl: string;
}

/** What a reconciliation did, and what it left to people. */
export type Reconciliation = Pick<Repaired, "repaired" | "reported">;

const RECONCILER: Actor = {
  kind: "SYSTEM",
  id: "reconciler",
  name: "reconciler",
  role: "ADMINISTRATOR",
  address: null,
};

/** A schema that is made again needs its seeds behind it: one operation after the other. */
const ROUNDS = 3;

/**
 * Looks for tenants whose status contradicts what exists, and for operations that nobody will end;
 * mends what is safe and tells the log of the rest. Does nothing where another process is at it.
 *
 * @param signal ends it at the next tenant or operation
 */
export async function reconcile(
  ports: ReconcilePorts,
  log: Logger,
  signal: AbortSignal = new AbortController().signal,
): Promise<Reconciliation> {
  const outcome = await onlyOne(ports.databaseUrl, "reconcile", () => rounds(ports, signal));
  if (outcome === null) log.debug("another process reconciles");
  const { repaired, reported } = outcome ?? { repaired: [], reported: [] };
  for (const told of repaired) log.warn({ ...told }, "repaired");
  for (const told of reported) log.warn({ ...told }, "needs a look");
  return { repaired, reported };
}

async function rounds(ports: ReconcilePorts, signal: AbortSignal): Promise<Reconciliation> {
  const tried = new Set<string>();
  const repaired: Told[] = [];
  for (let round = 1; ; round += 1) {
    const healths = await tenantHealth(ports, { deep: false });
    if (signal.aborted) return { repaired, reported: [] };
    const done = await repairAll(ports, RECONCILER, healths, tried);
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
