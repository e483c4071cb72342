import { parseInput } from "../kernel/input.ts";
import type { Operation } from "../operations/engine/operation.entity.ts";
import { MendInput, runDoctor } from "../operations/health/reconcile.ts";
import { Mending, type Reported } from "../operations/health/repair.ts";
import { builder } from "./builder.ts";
import { actorOf } from "./caller.ts";
import { ValidationErrorRef } from "./errors.ts";
import { addMutation } from "./generate/mutation.ts";
import { objectOf } from "./generate/types.ts";
import { OperationRef } from "./refs.ts";

interface Mended {
  readonly mended: readonly Reported[];
  readonly failed: readonly Reported[];
  readonly operations: readonly Operation[];
}

const MendTenantsPayload = builder.objectRef<Mended>("MendTenantsPayload").implement({
  description: "What became of what was found.",
  fields: (t) => ({
    mended: t.field({
      type: [objectOf(Mending)],
      description: "What was mended, or is being mended by an operation.",
      resolve: ({ mended }) => [...mended],
    }),
    failed: t.field({
      type: [objectOf(Mending)],
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

addMutation<Mended>({
  name: "mendTenants",
  description:
    "Looks as `tenantHealth` does, and applies remedies to what it finds, one operation for each tenant. Ask again to see what is left. Those that decide what is true of a tenant (ADOPT, FOLLOW_SECRET, FOLLOW_STATUS) and those that delete are for administrators.",
  grant: "tenant:operate",
  input: MendInput,
  payload: MendTenantsPayload,
  errors: [ValidationErrorRef],
  cost: 3_000,
  act: async (request, context) => {
    const { remedies: fix = true, ...which } = parseInput(MendInput, request);
    const report = await runDoctor(context.platform, actorOf(context), { ...which, fix });
    const { repaired: mended, failed, started, resumed } = report;
    return { mended, failed, operations: [...started, ...resumed] };
  },
});
