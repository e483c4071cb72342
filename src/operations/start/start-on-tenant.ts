import { auditRefusals } from "../../audit/refusal.ts";
import type { Actor } from "../../iam/actor.ts";
import { parseInput } from "../../kernel/input.ts";
import type { SecretStore } from "../../secrets/secret-store.ts";
import type { OperationDefinition } from "../engine/phase.ts";
import {
  type Started,
  type StartOptions,
  type StartPorts,
  startOperation,
} from "../engine/start-operation.ts";

/** What starting an operation on a tenant needs. */
export interface StartOnTenantPorts extends StartPorts {
  readonly secrets: Pick<SecretStore, "check">;
}

/**
 * Starts an operation on a tenant.
 *
 * @param request what the caller sent; read with the operation's own rules
 * @throws DomainError E_VALIDATION and its like, PROVISIONING_UNAVAILABLE without a usable secret store,
 *   E_TENANT_NOT_FOUND, E_OPERATION_IN_PROGRESS, E_IDEMPOTENCY_KEY_REUSED,
 *   or what the lifecycle or the operation refuses with
 */
export async function startOnTenant<Input, Facts>(
  ports: StartOnTenantPorts,
  actor: Actor,
  operation: OperationDefinition<Input, Facts>,
  request: unknown,
  options: StartOptions,
): Promise<Started> {
  const input = operation.read
    ? await operation.read(request)
    : parseInput(operation.input, request);
  if (operation.storesSecrets) await ports.secrets.check();
  return await auditRefusals(ports.orm.em, () =>
    startOperation(ports, actor, operation, input, options),
  );
}
