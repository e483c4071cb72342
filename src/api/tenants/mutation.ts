import type { Action } from "../../iam/grants.ts";
import type { OperationCatalog } from "../../operations/catalog.ts";
import type { AnyOperation } from "../../operations/engine/phase.ts";
import type { Started } from "../../operations/engine/start-operation.ts";
import { startOnTenant } from "../../operations/parts/start-on-tenant.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import { answer, OperationInProgressErrorRef, resultOf, ValidationErrorRef } from "../errors.ts";
import { given } from "../given.ts";
import { IDEMPOTENCY_KEY, startPayload } from "../operations/starts.ts";

type InputFields = Parameters<typeof builder.inputType>[1]["fields"];

/** What the fields of an input are made with. */
export type InputFieldBuilder = Parameters<InputFields>[0];

/** One mutation that starts an operation on a tenant that exists. */
interface TenantMutation {
  /** The mutation's name; its input, payload and result are named after it. */
  readonly name: string;
  readonly description: string;
  /** What the operation is to be told, in a sentence: the input's description. */
  readonly input: string;
  /** The fields of the input beside `slug` and `idempotencyKey`. */
  readonly fields?: InputFields;
  /** Whether the input has `dryRun`. */
  readonly dryRun?: string;
  readonly action?: Action;
  readonly operation: (operations: OperationCatalog) => AnyOperation;
}

export const TENANT_SLUG = "The tenant's slug.";

/** The input as the resolver sees it: the operation's own rules read the rest. */
interface Request {
  readonly slug: string;
  readonly dryRun?: boolean;
  readonly idempotencyKey?: string;
}

/** `migrateTenant` makes `MigrateTenantInput`, `MigrateTenantPayload` and `MigrateTenantResult`. */
export const typeName = (mutation: string, suffix: "Input" | "Payload" | "Result"): string =>
  `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}${suffix}`;

/** Adds a mutation to the schema that starts an operation on a tenant. */
export function tenantMutation(mutation: TenantMutation): void {
  const { name, description, action = "tenant:operate" } = mutation;
  const payload = startPayload(
    typeName(name, "Payload"),
    "The operation, which goes on by itself, and the tenant as it stands.",
  );
  builder.mutationField(name, (t) =>
    t.field({
      type: resultOf<Started>(typeName(name, "Result"), payload, [
        ValidationErrorRef,
        OperationInProgressErrorRef,
      ]),
      description,
      authScopes: { action },
      args: {
        input: t.arg({ type: inputOf(mutation), required: true, description: mutation.input }),
      },
      resolve: (_root, { input }, { platform, caller }) =>
        answer(() => {
          const { dryRun, idempotencyKey, ...request } = given(input as Request);
          const operation = mutation.operation(platform.operations);
          return startOnTenant(platform, actorWith(caller, action), operation, request, {
            dryRun: dryRun ?? false,
            idempotencyKey: idempotencyKey ?? null,
          });
        }),
    }),
  );
}

function inputOf({ name, input, fields, dryRun }: TenantMutation) {
  return builder.inputType(typeName(name, "Input"), {
    description: input,
    fields: (t) => ({
      slug: t.string({ required: true, description: TENANT_SLUG }),
      ...fields?.(t),
      ...(dryRun === undefined
        ? {}
        : { dryRun: t.boolean({ required: true, defaultValue: false, description: dryRun }) }),
      idempotencyKey: t.string({ description: IDEMPOTENCY_KEY }),
    }),
  });
}
