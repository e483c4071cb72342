import { auditRefusals } from "../../audit/refusal.ts";
import type { Actor } from "../../iam/actor.ts";
import { parseInput } from "../../kernel/input.ts";
import type { OperationDefinition } from "../engine/phase.ts";
import {
  type Started,
  type StartOptions,
  type StartPorts,
  startOperation,
} from "../engine/start-operation.ts";
import type { TenantInput } from "./tenant-operation.ts";

/**
 * Starts an operation on a tenant that exists; what both doors call.
 *
 * @param request what the caller sent; read with the operation's own rules
 * @throws DomainError E_VALIDATION, E_TENANT_NOT_FOUND, E_OPERATION_IN_PROGRESS, E_IDEMPOTENCY_KEY_REUSED,
 *   or what the lifecycle or the operation refuses with
 */
export async function startOnTenant<Input extends TenantInput, Facts>(
  ports: StartPorts,
  actor: Actor,
  operation: OperationDefinition<Input, Facts>,
  request: unknown,
  options: StartOptions,
): Promise<Started> {
  const input = parseInput(operation.input, request);
  return await auditRefusals(ports.orm.em, () =>
    startOperation(ports, actor, operation, input, options),
  );
}
