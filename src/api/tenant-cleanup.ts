import { type CleanupStart, cleanupFailedTenants } from "../operations/cleanup-failed-tenants.ts";
import { builder } from "./builder.ts";
import { actorWith } from "./caller.ts";
import { answer, resultOf, toRefusal, UserErrorRef, ValidationErrorRef } from "./errors.ts";
import { given } from "./given.ts";
import { IDEMPOTENCY_KEY } from "./operation-starts.ts";
import { OperationRef } from "./refs.ts";

const CleanupStartRef = builder.objectRef<CleanupStart>("CleanupStart").implement({
  description: "What became of one tenant that was to be cleaned up.",
  fields: (t) => ({
    slug: t.exposeString("slug", { description: "The tenant's slug." }),
    operation: t.field({
      type: OperationRef,
      nullable: true,
      description: "The operation that cleans it up; null where there is none.",
      resolve: (start) => ("operation" in start ? start.operation : null),
    }),
    error: t.field({
      type: UserErrorRef,
      nullable: true,
      description: "Why there is no operation; null where there is one.",
      resolve: (start) => ("error" in start ? toRefusal(start.error) : null),
    }),
  }),
});

interface CleanupPayload {
  readonly results: readonly CleanupStart[];
}

const Payload = builder.objectRef<CleanupPayload>("CleanupFailedTenantsPayload").implement({
  description: "What became of each tenant.",
  fields: (t) => ({
    results: t.field({
      type: [CleanupStartRef],
      description: "An entry for each tenant, by slug; none when nothing has failed.",
      resolve: ({ results }) => [...results],
    }),
  }),
});

const CleanupInput = builder.inputType("CleanupFailedTenantsInput", {
  description: "Which failed tenants to clean up, and how far.",
  fields: (t) => ({
    slug: t.string({ description: "The slug of one tenant; all that are FAILED when left out." }),
    dropSchema: t.boolean({
      defaultValue: false,
      description:
        "Whether schema or database, roles and secret go, too; otherwise they stay and are told of.",
    }),
    idempotencyKey: t.string({ description: IDEMPOTENCY_KEY }),
  }),
});

builder.mutationField("cleanupFailedTenants", (t) =>
  t.field({
    type: resultOf<CleanupPayload>("CleanupFailedTenantsResult", Payload, [ValidationErrorRef]),
    description:
      "Clears away one or all tenants whose provisioning failed, an operation for each, and frees their slugs. Tenants of another status are never touched.",
    authScopes: { action: "tenant:operate" },
    args: {
      input: t.arg({ type: CleanupInput, required: true, description: "Which ones." }),
    },
    resolve: (_root, { input }, { platform, caller }) =>
      answer(async () => {
        const { idempotencyKey, ...request } = given(input);
        const actor = actorWith(caller, "tenant:operate");
        const key = idempotencyKey ?? null;
        return { results: await cleanupFailedTenants(platform, actor, request, key) };
      }),
  }),
);
