import { newId } from "../../src/kernel/ids.ts";
import { OperationEntity } from "../../src/operations/engine/operation.entity.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import type { Tenant } from "../../src/tenants/tenant.entity.ts";
import { register } from "../api/_tenant-operations.ts";
import type { TestPlatform } from "../kit/platform.ts";
import { provisionRequest } from "../kit/tenants.ts";

interface Past {
  readonly kind: string;
  readonly state: "FAILED" | "SUCCEEDED" | "UNDOING";
  readonly dryRun?: boolean;
}

/** A tenant of the registry with an operation that stands in some state, as if it had come there. */
export const withOperation = async (
  world: TestPlatform,
  status: Tenant["status"],
  past: Past,
): Promise<{ slug: string; operationId: string }> =>
  await addOperation(world, await register(world, status), past);

/** Adds an operation to a tenant that is the newest then. */
export async function addOperation(
  world: TestPlatform,
  slug: string,
  operation: Past,
): Promise<{ slug: string; operationId: string }> {
  const em = world.platform.orm.em.fork();
  const { id: subjectId } = await tenantBySlug(em, slug);
  const operationId = newId();
  const now = new Date();
  const ended = operation.state !== "UNDOING";
  const { dryRun = false } = operation;
  await em.insert(OperationEntity, {
    id: operationId,
    kind: operation.kind,
    state: operation.state,
    dryRun,
    subjectId: dryRun ? null : subjectId,
    subjectName: slug,
    input: await inputOf(operation.kind, slug),
    result: null,
    error:
      operation.state === "SUCCEEDED"
        ? null
        : { code: "E_SECRET_STORE", message: "a test", phase: null, retryable: true },
    actorKind: "SYSTEM",
    actorId: "tests",
    actorName: "tests",
    idempotencyKey: null,
    requestHash: "",
    retryOf: null,
    cancelRequestedAt: null,
    createdAt: now,
    updatedAt: now,
    startedAt: now,
    finishedAt: ended ? now : null,
  });
  return { slug, operationId };
}

async function inputOf(kind: string, slug: string): Promise<Record<string, unknown>> {
  if (kind !== "PROVISION") return { slug };
  const { parseProvisionRequest } = await import("../../src/operations/provision/input.ts");
  return parseProvisionRequest(provisionRequest({ slug }), []) as unknown as Record<
    string,
    unknown
  >;
}

/** The command that provisions a tenant. */
export function provisionWords(slug: string, ...more: string[]): string[] {
  const email = `${slug}@acme.test`;
  const words = ["--slug", slug, "--name", "Acme", "--admin-email", email, "--lab", "Main"];
  return ["tenant", "provision", ...words, ...more];
}
