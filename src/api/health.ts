import { FindingView, viewsOf } from "../operations/health/finding.ts";
import { HealthLook } from "../operations/health/looks.ts";
import type { TenantHealth } from "../operations/health/tenant-health.ts";
import { builder } from "./builder.ts";
import { mayCall } from "./caller.ts";
import { enumOf, objectOf } from "./generate/types.ts";
import { OperationRef, TenantRef } from "./refs.ts";

const TenantHealthRef = builder.objectRef<TenantHealth>("TenantHealth").implement({
  description:
    "What was looked at of a tenant, and what was found. Tables themselves are not compared with anything.",
  fields: (t) => ({
    tenant: t.expose("tenant", {
      type: TenantRef,
      nullable: true,
      description: "The tenant; null for what belongs to none that the registry knows.",
    }),
    slug: t.exposeString("slug", {
      nullable: true,
      description:
        "The slug, also of a tenant that the registry does not know, or that a lost dry run was to make; null where it is not known, and for what is of the service as a whole.",
    }),
    healthy: t.exposeBoolean("healthy", {
      description:
        "Whether nothing was found. Of what was not looked at (see `looked`) that says nothing.",
    }),
    findings: t.field({
      type: [objectOf(FindingView)],
      description: "What is wrong; empty where nothing was found.",
      resolve: ({ tenant, slug, findings }) => viewsOf(tenant?.id ?? slug ?? "service", findings),
    }),
    looked: t.field({
      type: [enumOf(HealthLook)],
      description:
        "What was looked at; what a server or the secret store did not answer is missing here.",
      resolve: ({ looked }) => [...looked],
    }),
    operation: t.field({
      type: OperationRef,
      nullable: true,
      description: "The operation that works on it, while which nothing else is judged; or null.",
      resolve: ({ operation }, _args, { load }) =>
        operation === null ? null : load.operation.load(operation.id),
    }),
  }),
});

builder.objectField(TenantRef, "health", (t) =>
  t.field({
    type: TenantHealthRef,
    nullable: true,
    description:
      "How it is found on its db server at this moment, as `tenantHealth` looks; null for roles without `operation:read`, and for a purged one. Costs a few queries, a login and 500 of a request's objects: ask for it of one tenant.",
    extensions: { cost: 500 },
    resolve: async ({ id, slug, status }, _args, { load, caller }) => {
      if (status === "PURGED" || !mayCall(caller, "operation:read")) return null;
      return (await load.health(slug)).find(({ tenant }) => tenant?.id === id) ?? null;
    },
  }),
);

builder.queryField("tenantHealth", (t) =>
  t.field({
    type: [TenantHealthRef],
    description:
      "Looks on the db servers whether something contradicts what the registry and the migration folder say of tenants, and changes nothing: each answer tells what was looked at, and tables themselves are not compared. Of one tenant it also tries the login; of all it also compares the migration folders of the service's processes. Costs a few queries for each db server and for each 25 tenants, and three thousand of a request's objects: for a list use `tenants`.",
    authScopes: { action: "operation:read" },
    args: {
      slug: t.arg.string({
        description: "The tenant's slug; all that are not purged when left out.",
      }),
    },
    extensions: { cost: 3_000 },
    resolve: (_root, { slug }, { load }) => load.health(slug ?? undefined),
  }),
);
