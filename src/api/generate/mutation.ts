import type { ObjectRef } from "@pothos/core";
import type { z } from "zod";
import type { Action } from "../../iam/grants.ts";
import { type BuilderTypes, builder } from "../builder.ts";
import type { ApiContext } from "../context.ts";
import { answer, type ErrorRef, resultOf } from "../errors.ts";
import { given } from "../given.ts";
import {
  answerOnce,
  IDEMPOTENCY_KEY,
  idempotencyKeyOf,
  REPLAYED,
  type Replay,
} from "../idempotency.ts";
import { inputOf } from "./inputs.ts";
import { asRulesName, throwAsApiNames } from "./names.ts";

/** What a caller has sent, without what it left out: of the kinds that the input's rules name. */
export type Request<Input extends z.ZodObject = z.ZodObject> = Readonly<z.input<Input>>;

/** One mutation: its input, payload and result are named after it. */
export interface MutationOptions<Payload extends object, Input extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly description: string;
  /** What the caller's role must be granted; null where it is open to callers without a token. */
  readonly grant: Action | null;
  /** What it is told: the rules that read it, each field with its description. Left out where nothing. */
  readonly input?: Input;
  /** Fields of the input that the rules do not know. */
  readonly fields?: Parameters<typeof inputOf>[2];
  readonly payload: ObjectRef<BuilderTypes, Payload>;
  /** The refusals that have a type of their own. */
  readonly errors?: readonly ErrorRef[];
  /** Whether null says something else than leaving a field out: that it is to be cleared. */
  readonly nulls?: true;
  /**
   * Takes an idempotency key, since it makes or reveals something: how it is answered again. OPERATION where
   * `act` is given the key, for an operation that keeps it itself.
   */
  readonly once?: Replay<Payload> | "OPERATION";
  /** What it costs of a request's objects, where that is more than its answer. */
  readonly cost?: number;
  act(request: Request<Input>, context: ApiContext): Promise<NoInfer<Payload>>;
}

/** `migrateTenant` makes `MigrateTenantInput`, `MigrateTenantPayload` and `MigrateTenantResult`. */
export const typeName = (mutation: string, suffix: "Input" | "Payload" | "Result"): string =>
  `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}${suffix}`;

/**
 * Adds a mutation to the schema. Whoever calls it is authorised by the schema; an expected failure of `act` is
 * its answer.
 */
export function addMutation<Payload extends object, Input extends z.ZodObject = z.ZodObject>(
  options: MutationOptions<Payload, Input>,
): void {
  const { name, description, grant, input, payload, errors = [], nulls, cost, once } = options;
  if (typeof once === "object") addReplayed(payload);
  builder.mutationField(name, (t) =>
    t.field({
      type: resultOf<Payload>(typeName(name, "Result"), payload, errors),
      description,
      authScopes: grant === null ? { anyone: true } : { action: grant },
      ...(cost === undefined ? {} : { extensions: { cost } }),
      args: argsOf(t.arg, options),
      // Pothos cannot tell that a payload which it does not know is no list.
      resolve: ((_root: unknown, args: { readonly input?: Request }, context: ApiContext) =>
        answer(async () => {
          const sent = args.input ?? {};
          const request = await asRulesName(input, nulls ? sent : given(sent), context);
          return await actOn(options, request as Request<Input>, context).catch((error: unknown) =>
            throwAsApiNames(input, error),
          );
        })) as never,
    }),
  );
}

/** Acts; where the mutation takes an idempotency key and was sent with one, once for that. */
async function actOn<Payload extends object, Input extends z.ZodObject>(
  { name, once, act }: MutationOptions<Payload, Input>,
  request: Request<Input>,
  context: ApiContext,
): Promise<Payload> {
  if (once === undefined) return await act(request, context);
  const { idempotencyKey, ...asked } = request as Readonly<Record<string, unknown>>;
  const key = idempotencyKeyOf(idempotencyKey, context);
  const input = asked as Request<Input>;
  if (once === "OPERATION")
    return await act(key === null ? input : { ...input, idempotencyKey: key }, context);
  if (key === null) return await act(input, context);
  const actIn = (joined: ApiContext) => act(input, joined);
  return await answerOnce(context, { ...once, mutation: name, key, input, act: actIn });
}

function addReplayed(payload: ObjectRef<BuilderTypes, object>): void {
  builder.objectField(payload, "replayed", (t) =>
    t.boolean({
      description: REPLAYED,
      resolve: (done) => (done as { readonly replayed?: boolean }).replayed ?? false,
    }),
  );
}

type ArgBuilder = Parameters<NonNullable<Parameters<typeof builder.mutationField>[1]>>[0]["arg"];

function argsOf(
  arg: ArgBuilder,
  {
    name,
    input,
    fields,
    once,
  }: Pick<MutationOptions<object>, "name" | "input" | "fields" | "once">,
) {
  if (input === undefined) return {};
  const { description, argument = description } = input.meta() ?? {};
  return {
    input: arg({
      type: inputOf(typeName(name, "Input"), input, (t) => ({
        ...fields?.(t),
        ...(once ? { idempotencyKey: t.string({ description: IDEMPOTENCY_KEY }) } : {}),
      })),
      required: true,
      ...(argument === undefined ? {} : { description: argument }),
    }),
  };
}
