import type { Actor } from "../../src/iam/actor.ts";
import { followEvents } from "../../src/operations/engine/follow.ts";
import {
  type Operation,
  OperationEntity,
  type OperationEvent,
} from "../../src/operations/engine/operation.entity.ts";
import type { ProvisionRequest } from "../../src/operations/provision/input.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import type { Platform } from "../../src/platform.ts";
import { freshSlug } from "./database.ts";

/** An administrator at the break-glass command. */
export const OPERATOR: Actor = {
  kind: "OS_USER",
  id: "ada@tests",
  name: "ada",
  role: "ADMINISTRATOR",
  address: null,
};

/** A request that is valid and collides with no other. */
export function provisionRequest<Request extends Partial<ProvisionRequest>>(
  request: Request = {} as Request,
) {
  const slug = request.slug ?? freshSlug();
  const first = { adminEmail: `${slug}@acme.test`, initialLaboratory: "Main" };
  return { slug, name: "Acme", ...first, ...request };
}

/** Waits for an operation's end by following it; answers it and every event. */
export async function followToEnd(
  platform: Platform,
  operationId: string,
): Promise<{ operation: Operation; events: OperationEvent[] }> {
  const events: OperationEvent[] = [];
  for await (const event of followEvents(platform, operationId, 0)) events.push(event);
  return {
    operation: await platform.orm.em.fork().findOneOrFail(OperationEntity, { id: operationId }),
    events,
  };
}

/** Provisions a tenant and waits for the end. */
export async function provision(
  platform: Platform,
  request: Partial<ProvisionRequest> = {},
  options: { dryRun?: boolean; idempotencyKey?: string } = {},
) {
  const { operation } = await startOnTenant(
    platform,
    OPERATOR,
    platform.operations.provisionTenant,
    provisionRequest(request),
    {
      dryRun: options.dryRun ?? false,
      idempotencyKey: options.idempotencyKey ?? null,
    },
  );
  return await followToEnd(platform, operation.id);
}
