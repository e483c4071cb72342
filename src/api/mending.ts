import type { Operation } from "../operations/engine/operation.entity.ts";
import { runDoctor } from "../operations/health/reconcile.ts";
import type { Reported } from "../operations/health/repair.ts";
import { builder } from "./builder.ts";
import { actorWith } from "./caller.ts";
import { answer, resultOf, ValidationErrorRef } from "./errors.ts";
import { given } from "./given.ts";
import { FindingCodeRef, RepairRef } from "./health.ts";
import { OperationRef } from "./refs.ts";
import { readableBy } from "./tenants/secret-names.ts";

interface Mending {
  readonly mended: readonly Reported[];
  readonly failed: readonly Reported[];
  readonly operations: readonly Operation[];
}

const MendedRef = builder.objectRef<Reported>("HealthMending").implement({
  description: "What became of one finding.",
  fields: (t) => ({
    slug: t.exposeString("slug", {
      nullable: true,
      description: "The slug of the tenant that it is about, as far as it is known.",
    }),
    code: t.expose("code", { type: FindingCodeRef, description: "What was wrong." }),
    repair: t.expose("repair", {
      type: RepairRef,
      nullable: true,
      description: "The remedy that was applied to it.",
    }),
    message: t.string({
      description: "What was wrong, for people; where it could not be mended, with the reason.",
      resolve: ({ message }, _args, context) => readableBy(context, message),
    }),
  }),
});

const MendingRef = builder.objectRef<Mending>("MendTenantsPayload").implement({
  description: "What became of what was found.",
  fields: (t) => ({
    mended: t.field({
      type: [MendedRef],
      description: "What was mended, or is being mended by an operation.",
      resolve: ({ mended }) => [...mended],
    }),
    failed: t.field({
      type: [MendedRef],
      description: "What could not be mended.",
      resolve: ({ failed }) => [...failed],
    }),
    operations: t.field({
      type: [OperationRef],
      description:
        "The operations that were started, or put back on the queue: one for each tenant at most.",
      resolve: ({ operations }) => [...operations],
    }),
  }),
});

const MendInput = builder.inputType("MendTenantsInput", {
  description: "What to mend, and how.",
  fields: (t) => ({
    slug: t.string({ description: "The slug of one tenant; all when left out." }),
    remedies: t.field({
      type: [RepairRef],
      required: true,
      description:
        "The remedies that may be applied: for each finding the first of its own that is named here. Nothing is deleted but by one that is named.",
    }),
  }),
});

builder.mutationField("mendTenants", (t) =>
  t.field({
    type: resultOf<Mending>("MendTenantsResult", MendingRef, [ValidationErrorRef]),
    description:
      "Looks as `tenantHealth` does, and applies remedies to what it finds, one operation for each tenant. Ask again to see what is left. Those that decide what is true of a tenant (ADOPT, FOLLOW_SECRET, FOLLOW_STATUS) and those that delete are for administrators.",
    authScopes: { action: "tenant:operate" },
    args: { input: t.arg({ type: MendInput, required: true, description: "What and how." }) },
    extensions: { cost: 3_000 },
    resolve: (_root, { input }, { platform, caller }) =>
      answer(async () => {
        const actor = actorWith(caller, "tenant:operate");
        const { slug, remedies } = given(input);
        const report = await runDoctor(platform, actor, { slug: slug ?? undefined, fix: remedies });
        const { repaired: mended, failed, started, resumed } = report;
        return { mended, failed, operations: [...started, ...resumed] };
      }),
  }),
);
