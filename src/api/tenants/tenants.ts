import type { PageRequest } from "../../database/keyset.ts";
import { followTenants } from "../../operations/follow-tenants.ts";
import { versionFilter } from "../../operations/list.ts";
import { TenantLabel } from "../../tenants/labels.ts";
import { TenantStatus } from "../../tenants/lifecycle.ts";
import {
  among,
  countTenants,
  type TenantFilter as Filter,
  listTenants,
  type TenantOrder,
} from "../../tenants/list.ts";
import { Isolation } from "../../tenants/names.ts";
import { findTenant, type TenantKey } from "../../tenants/registry.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { Tier } from "../../tenants/tiers.ts";
import { builder } from "../builder.ts";
import { actorWith, mayCall } from "../caller.ts";
import {
  type ConnectionPage,
  connectionOf,
  orderInput,
  pageArgs,
  readConnection,
} from "../connections.ts";
import type { ApiContext } from "../context.ts";
import { objectInput } from "../generate/inputs.ts";
import { enumOf } from "../generate/types.ts";
import { given } from "../given.ts";
import { DbServerRef, TenantRef } from "../refs.ts";
import { TenantBy } from "./tenant-by.ts";

const TenantConnection = connectionOf<Tenant>("Tenant", "tenants", TenantRef);

const TenantFilter = builder.inputType("TenantFilter", {
  description:
    "Which tenants to list. What is left out does not matter; of several values one is enough.",
  fields: (t) => ({
    status: t.field({
      type: [enumOf(TenantStatus)],
      description: "Those with one of these statuses.",
    }),
    slugs: t.stringList({ description: "Those with one of these slugs." }),
    region: t.stringList({ description: "Those of one of these regions." }),
    tier: t.field({ type: [enumOf(Tier)], description: "Those on one of these plans." }),
    isolation: t.field({ type: enumOf(Isolation), description: "Those with this isolation." }),
    dbServer: t.stringList({
      description:
        "Those that are placed on one of these db servers, by name; for roles with `db-server:read`, whom else it refuses with `E_FORBIDDEN`.",
    }),
    schemaVersion: t.stringList({
      description: "Those whose schema has one of these versions.",
    }),
    labels: t.field({
      type: [objectInput(TenantLabel)] as never,
      description: "Those that have all of these labels.",
    }),
    onBehalfOf: t.string({ description: "Those that were wanted by this, in the same words." }),
    locked: t.boolean({
      description: "Those that are locked against deletion (true), or are not (false).",
    }),
    createdAfter: t.field({ type: "DateTime", description: "Those asked for then or later." }),
    createdBefore: t.field({ type: "DateTime", description: "Those asked for before then." }),
    behind: t.boolean({
      description:
        "Those whose schema lacks migrations of the migration folder (true), or those that lack none (false): by the version and the number of applied migrations that the registry keeps, so that also one that lacks an earlier file is found. `tenantHealth` compares the ledgers themselves.",
    }),
    text: t.string({
      description:
        "Those with this text in their slug or name, in any case; for roles with `member:read` also in their first administrator's email.",
    }),
  }),
});

const TenantOrderInput = orderInput<TenantOrder["field"]>("Tenant", "tenants", {
  CREATED_AT: "When they were asked for.",
  UPDATED_AT: "When their rows changed last.",
  SLUG: "Their slugs.",
  NAME: "Their names.",
  STATUS: "Their statuses, by name.",
  SCHEMA_VERSION: "The versions of their schemas; those without one come first.",
});

builder.queryFields((t) => ({
  tenant: t.field({
    type: TenantRef,
    nullable: true,
    description: "One tenant; null when there is none.",
    authScopes: { action: "tenant:read" },
    args: { by: t.arg({ type: TenantBy, required: true, description: "Which one." }) },
    resolve: (_root, { by }, { em }) => findTenant(em(), by as TenantKey),
  }),
  tenants: t.field({
    type: TenantConnection,
    description:
      "All tenants, the newest first unless told. Purged ones are listed only when asked for.",
    authScopes: { action: "tenant:read" },
    args: {
      filter: t.arg({ type: TenantFilter, description: "Which tenants; all when left out." }),
      orderBy: t.arg({
        type: TenantOrderInput,
        description: "How they are sorted; the newest first when left out.",
      }),
      ...pageArgs("tenants"),
    },
    resolve: (_root, { filter, orderBy, ...page }, context) =>
      tenantPage(context, given(filter ?? {}), page, orderBy ?? undefined),
  }),
}));

builder.objectField(DbServerRef, "tenants", (t) =>
  t.field({
    type: TenantConnection,
    nullable: true,
    description:
      "The tenants that are placed on it, the newest first unless told; null for roles without `tenant:read`.",
    args: {
      orderBy: t.arg({ type: TenantOrderInput, description: "How they are sorted." }),
      ...pageArgs("tenants"),
    },
    resolve: ({ name }, { orderBy, ...page }, context) =>
      mayCall(context.caller, "tenant:read")
        ? tenantPage(context, { dbServer: [name] }, page, orderBy ?? undefined)
        : null,
  }),
);

builder.subscriptionField("tenantUpdated", (t) =>
  t.field({
    type: TenantRef,
    description:
      "Every tenant each time it changes, as it then stands: the feed of a table of tenants. Changes in quick succession may arrive as one. With a filter those that pass it as they stand then: one that has left it is not told, so read the list again where that matters. Not resumable: after a lost connection read `tenants` and subscribe again.",
    authScopes: { action: "tenant:read" },
    args: {
      filter: t.arg({
        type: TenantFilter,
        description: "Which tenants; all when left out, purged ones too.",
      }),
    },
    subscribe: async (_root, { filter }, context) => {
      if (filter == null) return followTenants(context.platform, async (tenants) => tenants);
      const wanted = await filterOf(context, given(filter));
      return followTenants(context.platform, (tenants) => among(context.em(), wanted, tenants));
    },
    resolve: (tenant) => tenant,
  }),
);

type Asked = Omit<Filter, "version" | "people"> & { readonly behind?: boolean };

async function filterOf(
  { platform, caller }: ApiContext,
  { behind, ...asked }: Asked,
): Promise<Filter> {
  if (asked.dbServer !== undefined) actorWith(caller, "db-server:read");
  const filter = { ...asked, people: mayCall(caller, "member:read") };
  if (behind === undefined) return filter;
  return { ...filter, version: await versionFilter(platform.config.tenantMigrations, behind) };
}

async function tenantPage(
  context: ApiContext,
  asked: Asked,
  args: PageRequest,
  order?: TenantOrder,
): Promise<ConnectionPage<Tenant>> {
  const { em } = context;
  const wanted = await filterOf(context, asked);
  return await readConnection(
    args,
    (page) => listTenants(em(), wanted, page, order),
    () => countTenants(em(), wanted),
  );
}
