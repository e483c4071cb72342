import type { Actor } from "../../iam/actor.ts";
import { lockTenant, unlockTenant } from "../../operations/tenant-lock.ts";
import type { Platform } from "../../platform.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import { answer, OperationInProgressErrorRef, resultOf, ValidationErrorRef } from "../errors.ts";
import { typeName } from "../generate/operations.ts";
import { TenantRef } from "../refs.ts";

interface LockPayload {
  readonly tenant: Tenant;
}

interface LockMutation {
  readonly name: string;
  readonly description: string;
  readonly input: string;
  /** What `reason` says; absent where none is asked for. */
  readonly reason?: string;
  readonly act: (platform: Platform, actor: Actor, request: unknown) => Promise<Tenant>;
}

/** Adds a mutation that changes a tenant's lock at once, without an operation. */
function lockMutation({ name, description, input, reason, act }: LockMutation): void {
  const payload = builder.objectRef<LockPayload>(typeName(name, "Payload")).implement({
    description: "The tenant as it stands now.",
    fields: (t) => ({
      tenant: t.expose("tenant", { type: TenantRef, description: "The tenant as it stands now." }),
    }),
  });
  const inputType = builder.inputType(typeName(name, "Input"), {
    description: input,
    fields: (t) => ({
      slug: t.string({ required: true, description: "The tenant's slug." }),
      ...(reason === undefined
        ? {}
        : { reason: t.string({ required: true, description: reason }) }),
    }),
  });
  const errors = [ValidationErrorRef, OperationInProgressErrorRef];
  builder.mutationField(name, (t) =>
    t.field({
      type: resultOf<LockPayload>(typeName(name, "Result"), payload, errors),
      description,
      authScopes: { action: "tenant:lock" },
      args: { input: t.arg({ type: inputType, required: true, description: input }) },
      resolve: (_root, args, { platform, caller }) =>
        answer(async () => {
          const actor = actorWith(caller, "tenant:lock");
          return { tenant: await act(platform, actor, args.input) };
        }),
    }),
  );
}

lockMutation({
  name: "lockTenant",
  description:
    "Locks a tenant against deletion: until it is unlocked it can be neither offboarded nor purged nor cleaned up. For administrators.",
  input: "The tenant to lock.",
  reason: "Why, 1 to 500 characters; shown to whoever tries to delete it.",
  act: lockTenant,
});

lockMutation({
  name: "unlockTenant",
  description: "Takes a tenant's lock against deletion away. For administrators.",
  input: "The tenant to unlock.",
  act: unlockTenant,
});
