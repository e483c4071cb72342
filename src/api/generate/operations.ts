import type { z } from "zod";
import { OPERATIONS, type OperationName } from "../../operations/catalog.ts";
import type { DefinedOperation, MutationDescription } from "../../operations/define-operation.ts";
import type { Started } from "../../operations/engine/start-operation.ts";
import { startOnTenant } from "../../operations/parts/start-on-tenant.ts";
import type { TenantAct } from "../../tenants/lifecycle.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import { describedEnum } from "../described-enum.ts";
import {
  answer,
  OperationInProgressErrorRef,
  resultOf,
  SlugTakenErrorRef,
  ValidationErrorRef,
} from "../errors.ts";
import { given } from "../given.ts";
import { IDEMPOTENCY_KEY, startPayload } from "../operations/starts.ts";
import { inputOf } from "./inputs.ts";

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

/** `migrateTenant` makes `MigrateTenantInput`, `MigrateTenantPayload` and `MigrateTenantResult`. */
export const typeName = (mutation: string, suffix: "Input" | "Payload" | "Result"): string =>
  `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}${suffix}`;

for (const [name, { mutation, ...operation }] of DEFINED) {
  if (mutation !== undefined) addMutation(name, operation, mutation);
}

interface Request {
  readonly dryRun?: boolean;
  readonly idempotencyKey?: string;
}

/** Adds the mutation that starts an operation; the operation's own rules read what it is sent. */
function addMutation(
  operation: OperationName,
  { input, grant }: Pick<AnyDefined, "input" | "grant">,
  mutation: MutationDescription,
): void {
  const { name, description, errors = [] } = mutation;
  const { description: about, argument = about } = input.meta() ?? {};
  builder.mutationField(name, (t) =>
    t.field({
      type: resultOf<Started>(typeName(name, "Result"), payloadOf(mutation), [
        ValidationErrorRef,
        ...errors.map((error) => ({ SlugTakenError: SlugTakenErrorRef })[error]),
        OperationInProgressErrorRef,
      ]),
      description,
      authScopes: { action: grant },
      args: {
        input: t.arg({
          type: inputOfMutation(mutation, input),
          required: true,
          ...(argument === undefined ? {} : { description: argument }),
        }),
      },
      resolve: (_root, args, { platform, caller }) =>
        answer(() => {
          const {
            dryRun = false,
            idempotencyKey = null,
            ...request
          } = given(args.input as Request);
          const options = { dryRun, idempotencyKey };
          const definition = platform.operations[operation] as never;
          return startOnTenant(platform, actorWith(caller, grant), definition, request, options);
        }),
    }),
  );
}

const payloadOf = ({ name, payload }: MutationDescription) =>
  startPayload(
    typeName(name, "Payload"),
    payload ?? "The operation, which goes on by itself, and the tenant as it stands.",
  );

const inputOfMutation = ({ name, dryRun }: MutationDescription, input: z.ZodObject) =>
  inputOf(typeName(name, "Input"), input, (t) => ({
    ...(dryRun === undefined
      ? {}
      : { dryRun: t.boolean({ required: true, defaultValue: false, description: dryRun }) }),
    idempotencyKey: t.string({ description: IDEMPOTENCY_KEY }),
  }));
