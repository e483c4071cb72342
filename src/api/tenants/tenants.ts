import { versionFilter } from "../../operations/list.ts";
import { TenantStatus } from "../../tenants/lifecycle.ts";
import { countTenants, type TenantFilter as Filter, listTenants } from "../../tenants/list.ts";
import { Isolation } from "../../tenants/names.ts";
import { findTenant, type TenantKey } from "../../tenants/registry.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { Tier } from "../../tenants/tiers.ts";
import { builder } from "../builder.ts";
import { mayCall } from "../caller.ts";
import { type ConnectionPage, connectionOf, pageArgs, readConnection } from "../connections.ts";
import type { ApiContext } from "../context.ts";
import { enumOf } from "../generate/types.ts";
import { given } from "../given.ts";
import { TenantRef } from "../refs.ts";

const TenantConnection = connectionOf<Tenant>("Tenant", "tenants", TenantRef);

const TenantBy = builder.inputType("TenantBy", {
  description: "Names one tenant: by its slug or by its id.",
  isOneOf: true,
  fields: (t) => ({
    slug: t.string({ description: "Its slug; purged tenants are not found by it." }),
    id: t.id({ description: "Its UUID." }),
  }),
});

const TenantFilter = builder.inputType("TenantFilter", {
  description: "Which tenants to list. What is left out does not matter.",
  fields: (t) => ({
    status: t.field({ type: enumOf(TenantStatus), description: "Those with this status." }),
    region: t.string({ description: "Those of this region." }),
    tier: t.field({ type: enumOf(Tier), description: "Those on this plan." }),
    isolation: t.field({ type: enumOf(Isolation), description: "Those with this isolation." }),
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
    description: "All tenants, the newest first. Purged ones are listed only when asked for.",
    authScopes: { action: "tenant:read" },
    args: {
      filter: t.arg({ type: TenantFilter, description: "Which tenants; all when left out." }),
      ...pageArgs("tenants"),
    },
    resolve: (_root, { filter, ...page }, context) =>
      tenantPage(context, given(filter ?? {}), page),
  }),
}));

async function tenantPage(
  { em, platform, caller }: ApiContext,
  { behind, ...asked }: Omit<Filter, "version" | "people"> & { readonly behind?: boolean },
  args: { first: number; after?: string | null | undefined },
): Promise<ConnectionPage<Tenant>> {
  const settings = platform.config.tenantMigrations;
  const filter = { ...asked, people: mayCall(caller, "member:read") };
  const wanted =
    behind === undefined ? filter : { ...filter, version: await versionFilter(settings, behind) };
  return await readConnection(
    args,
    (page) => listTenants(em(), wanted, page),
    () => countTenants(em(), wanted),
  );
}
