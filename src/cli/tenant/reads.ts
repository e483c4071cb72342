import type {
  CommandFindTenantQuery,
  CommandTenantFragment,
  TenantBy,
  TenantFilter,
} from "../../client/generated/graphql.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { profileShown } from "../../operations/tenant-profile.ts";
import { TENANT_STATUSES } from "../../tenants/lifecycle.ts";
import { secondsShown } from "../../tenants/limits.ts";
import { ISOLATIONS, rolesOf } from "../../tenants/names.ts";
import { TIERS } from "../../tenants/tiers.ts";
import { type Api, firstNodes, type Page } from "../api/api.ts";
import { describePlace } from "../servers/clusters.ts";
import { runAnywhere } from "../session.ts";
import { EXIT, UsageError } from "../terminal/exit-codes.ts";
import { type LimitFlags, limitOf, oneOf } from "../terminal/flag-values.ts";
import { minuteOf, writeFields, writeTable } from "../terminal/table.ts";
import { FindTenant, ListTenants } from "./documents.ts";

/** The flags of `tenant list`. */
export interface ListFlags extends LimitFlags {
  readonly status?: string;
  readonly region?: string;
  readonly tier?: string;
  readonly isolation?: string;
  readonly behind?: boolean;
  readonly text?: string;
}

/** `tenantry tenant list`: the newest tenants first. */
export async function listTenants(flags: ListFlags): Promise<void> {
  const limit = limitOf(flags);
  const filter = filterOf(flags);
  return await runAnywhere(flags, async ({ api, out, local }) => {
    const read = async (page: Page) =>
      (await api.execute(ListTenants, { filter, ...page })).tenants;
    const json = (tenant: CommandTenantFragment) => out.json(withRetiringRole(tenant));
    const { nodes: shown, more } = await firstNodes(limit, read, flags.json ? json : undefined);
    if (shown.length === 0 && !flags.json) {
      const folder = local?.platform.config.tenantMigrations.dir ?? "the service's folder";
      out.note(flags.behind ? `No tenant lacks migrations of ${folder}.` : "No tenants.");
    } else if (!flags.json) {
      writeTable(
        out,
        ["SLUG", "STATUS", "TIER", "REGION", "VERSION", "CREATED", "NAME"],
        shown.map(rowOf),
      );
    }
    if (more) out.note(`There are more than ${limit}: raise --limit, or filter.`);
    return EXIT.ok;
  });
}

function filterOf({ status, tier, isolation, region, text, behind }: ListFlags) {
  return {
    ...(status === undefined ? {} : { status: [oneOf("--status", status, TENANT_STATUSES)] }),
    ...(tier === undefined ? {} : { tier: [oneOf("--tier", tier, TIERS)] }),
    ...(isolation === undefined ? {} : { isolation: oneOf("--isolation", isolation, ISOLATIONS) }),
    ...(region === undefined ? {} : { region: [region] }),
    ...(text === undefined ? {} : { text }),
    ...(behind === undefined ? {} : { behind }),
  };
}

const rowOf = (tenant: CommandTenantFragment) => [
  tenant.slug,
  tenant.status,
  tenant.tier,
  tenant.region ?? "",
  tenant.schemaVersion ?? "",
  minuteOf(tenant.createdAt),
  tenant.name,
];

/** The flags of `tenant show`. */
export interface ShowFlags {
  readonly slug?: string;
  readonly id?: string;
  readonly json?: boolean;
}

type Found = NonNullable<CommandFindTenantQuery["tenant"]>;

/** A tenant with where it lies and its newest operations. */
type ShownTenant = ReturnType<typeof shownOf>;

function shownOf({ dbServer, clusterPlace, operations, ...tenant }: Found) {
  return {
    ...withRetiringRole(tenant),
    dbServer: dbServer?.name ?? null,
    operations: operations?.nodes ?? [],
    clusterPlace: clusterPlace && {
      ...clusterPlace,
      node: clusterPlace.node && nodeName(clusterPlace.node),
    },
  };
}

/** The login that is open beside the one of today: the other of the two that take turns. */
function withRetiringRole<Row extends CommandTenantFragment>(tenant: Row) {
  const { appRole, appRoleB } = rolesOf(tenant.schemaName);
  const other = tenant.appRole === appRole ? appRoleB : appRole;
  return { ...tenant, retiringRole: tenant.retiringUntil === null ? null : other };
}

/** A node by its address, or, for whoever may not read that, by its number. */
const nodeName = ({
  host,
  port,
  group,
}: NonNullable<NonNullable<Found["clusterPlace"]>["node"]>) =>
  host === null ? `node ${group}` : `${host}:${port}`;

/** The tenant of a slug: the living one, else the newest that bore it and is purged. */
async function findBySlug(api: Api, slug: string): Promise<ShownTenant> {
  const { tenant } = await api.execute(FindTenant, { by: { slug } as TenantBy });
  if (tenant) return shownOf(tenant);
  const filter: TenantFilter = { status: ["PURGED"], slugs: [slug] };
  const { nodes } = await firstNodes(1, async (page) => {
    return (await api.execute(ListTenants, { filter, ...page })).tenants;
  });
  const [purged] = nodes;
  if (purged) return await findById(api, purged.id);
  throw new DomainError("E_TENANT_NOT_FOUND", { message: `Tenant slug '${slug}' not found` });
}

async function findById(api: Api, id: string): Promise<ShownTenant> {
  const { tenant } = await api.execute(FindTenant, { by: { id } as TenantBy });
  if (tenant) return shownOf(tenant);
  throw new DomainError("E_TENANT_NOT_FOUND", { message: `Tenant '${id}' not found` });
}

/** `tenantry tenant show`: everything that the registry knows of one tenant. */
export async function showTenant({ slug, id, ...flags }: ShowFlags): Promise<void> {
  return await runAnywhere(flags, async ({ api, out }) => {
    if ((slug === undefined) === (id === undefined))
      throw new UsageError("Name the tenant: --slug or --id");
    const tenant = await (id === undefined ? findBySlug(api, slug ?? "") : findById(api, id));
    if (flags.json) out.json(tenant);
    else {
      out.line(`${out.style("bold", tenant.name)}  ${tenant.status}`);
      writeFields(out, [
        ...fieldsOf(tenant),
        ["node and size", tenant.clusterPlace && describePlace(tenant.clusterPlace)],
      ]);
      out.line();
      writeTable(
        out,
        ["OPERATION", "KIND", "STATE", "CREATED"],
        tenant.operations.map((one) => [one.id, one.kind, one.state, one.createdAt]),
      );
    }
    return EXIT.ok;
  });
}

function describeLimits(limits: CommandTenantFragment["limits"]): string {
  const own = limits.own.length === 0 ? "" : `; its own: ${limits.own.join(", ").toLowerCase()}`;
  return `${limits.connectionLimit} connections for each login, statements ${secondsShown(limits.statementTimeoutSeconds)}, idle in transaction ${secondsShown(limits.idleInTransactionTimeoutSeconds)}${own}`;
}

const fieldsOf = (tenant: ShownTenant): [string, string | null][] => [
  ["id", tenant.id],
  ["slug", tenant.slug],
  ["isolation", tenant.isolation],
  ["db server", tenant.dbServer],
  ["database", tenant.databaseName],
  ["schema", tenant.schemaName],
  ["roles", `${tenant.ownerRole}, ${tenant.appRole}`],
  ["secret", tenant.secretName],
  ["credentials rotated", tenant.credentialsRotatedAt],
  [
    "old login",
    tenant.retiringUntil && `${tenant.retiringRole}, open until ${tenant.retiringUntil}`,
  ],
  ["version", tenant.schemaVersion],
  ["migrations", String(tenant.migrationsApplied)],
  ["seed sets", tenant.seedSets.join(", ") || null],
  ["admin email", tenant.adminEmail],
  ["region", tenant.region],
  ...profileShown(tenant),
  ["limits", describeLimits(tenant.limits)],
  ["requested by", tenant.onBehalfOf],
  ["failure", tenant.failure && `${tenant.failure.code}: ${tenant.failure.message ?? ""}`],
  ["created", tenant.createdAt],
  ["activated", tenant.activatedAt],
  ["offboarded from", tenant.offboardedFrom],
  ["purged after", tenant.purgeAfter],
  ["locked", tenant.lockedAt && `since ${tenant.lockedAt}: ${tenant.lockReason}`],
];
