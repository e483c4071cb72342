import { OPERATIONS, type OperationName } from "../../operations/catalog.ts";
import type { DefinedOperation, MutationDescription } from "../../operations/define-operation.ts";
import type { Started } from "../../operations/engine/start-operation.ts";
import { startOnTenant } from "../../operations/start/start-on-tenant.ts";
import type { TenantAct } from "../../tenants/lifecycle.ts";
import { actorOf } from "../caller.ts";
import { describedEnum } from "../described-enum.ts";
import { OperationInProgressErrorRef, SlugTakenErrorRef, ValidationErrorRef } from "../errors.ts";
import { startPayload } from "../operations/starts.ts";
import { addMutation, typeName } from "./mutation.ts";

// biome-ignore lint/suspicious/noExplicitAny: operations of different inputs stand in one list
type AnyDefined = DefinedOperation<any, any>;

/** Every operation, with its name. */
const DEFINED = Object.entries(OPERATIONS) as unknown as [OperationName, AnyDefined][];

export const OperationKindRef = describedEnum<TenantAct>(
  "OperationKind",
  "What an operation does, and the phases that it has.",
  Object.fromEntries(
    DEFINED.map(([, { kind, does, open }]) => {
      // The list of phases needs nothing to be there.
      const phases = open({} as never).phases.map(({ name }) => name);
      return [kind, `${does} Phases: ${phases.join(", ")}.`];
    }),
  ) as Record<TenantAct, string>,
);

for (const [name, { mutation, ...operation }] of DEFINED) {
  if (mutation !== undefined) addStart(name, operation, mutation);
}

/** Adds the mutation that starts an operation; the operation's own rules read what it is sent. */
function addStart(
  operation: OperationName,
  { input, grant }: Pick<AnyDefined, "input" | "grant">,
  { name, description, payload, dryRun, errors = [] }: MutationDescription,
): void {
  addMutation<Started>({
    name,
    description,
    grant,
    input,
    fields: (t) =>
      dryRun === undefined
        ? {}
        : { dryRun: t.boolean({ required: true, defaultValue: false, description: dryRun }) },
    once: "OPERATION",
    payload: startPayload(
      typeName(name, "Payload"),
      payload ?? "The operation, which goes on by itself, and the tenant as it stands.",
      dryRun !== undefined,
    ),
    errors: [
      ...[ValidationErrorRef, OperationInProgressErrorRef],
      ...errors.map((error) => ({ SlugTakenError: SlugTakenErrorRef })[error]),
    ],
    act: ({ dryRun: dry = false, idempotencyKey = null, ...request }, context) => {
      const options = { dryRun: dry as boolean, idempotencyKey: idempotencyKey as string | null };
      const definition = context.platform.operations[operation] as never;
      return startOnTenant(context.platform, actorOf(context), definition, request, options);
    },
  });
}
