import { isDomainError } from "../../kernel/domain-error.ts";
import { TENANT_STATUSES } from "../../tenants/lifecycle.ts";
import type { ShownLimits } from "../../tenants/limits.ts";
import type { TenantFilter } from "../../tenants/list.ts";
import { ISOLATIONS } from "../../tenants/names.ts";
import { TIERS } from "../../tenants/tiers.ts";
import type { Backend, ShownTenant, TenantDetails } from "../backend.ts";
import { describePlace } from "../servers/clusters.ts";
import { runAnywhere } from "../session.ts";
import { EXIT, UsageError } from "../terminal/exit-codes.ts";
import { limitOf, oneOf } from "../terminal/flag-values.ts";
import { writeFields, writeTable } from "../terminal/table.ts";
import { secondsOf } from "./credential-fields.ts";

/** The flags of `tenant list`. */
export interface ListFlags {
  readonly status?: string;
  readonly region?: string;
  readonly tier?: string;
  readonly isolation?: string;
  readonly behind?: boolean;
  readonly text?: string;
  readonly limit: string;
  readonly json?: boolean;
}

/** `tenantry tenant list`: the newest tenants first. */
export async function listTenants(flags: ListFlags): Promise<void> {
  const limit = limitOf(flags.limit);
  const filter = filterOf(flags);
  return await runAnywhere(flags, async ({ backend, out }) => {
    const { rows: shown, more } = await backend.tenants(filter, flags.behind ?? false, limit);
    if (flags.json) for (const tenant of shown) out.json(tenant);
    else if (shown.length === 0) out.note("No tenants.");
    else {
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

function filterOf({ status, tier, isolation, region, text }: ListFlags): TenantFilter {
  return {
    ...(status === undefined ? {} : { status: oneOf("--status", status, TENANT_STATUSES) }),
    ...(tier === undefined ? {} : { tier: oneOf("--tier", tier, TIERS) }),
    ...(isolation === undefined ? {} : { isolation: oneOf("--isolation", isolation, ISOLATIONS) }),
    ...(region === undefined ? {} : { region }),
    ...(text === undefined ? {} : { text }),
  };
}

const rowOf = (tenant: ShownTenant) => [
  tenant.slug,
  tenant.status,
  tenant.tier,
  tenant.region ?? "",
  tenant.schemaVersion ?? "",
  tenant.createdAt.toISOString().slice(0, 16).replace("T", " "),
  tenant.name,
];

/** The flags of `tenant show`. */
export interface ShowFlags {
  readonly slug?: string;
  readonly id?: string;
  readonly json?: boolean;
}

/** The tenant of a slug: the living one, else the newest that bore it and is purged. */
async function findBySlug(backend: Backend, slug: string): Promise<TenantDetails> {
  try {
    return await backend.tenant({ slug });
  } catch (error) {
    if (!isDomainError(error, "E_TENANT_NOT_FOUND")) throw error;
    const { rows } = await backend.tenants({ status: "PURGED", text: slug }, false, 1_000);
    const purged = rows.find((tenant) => tenant.slug === slug);
    if (!purged) throw error;
    return await backend.tenant({ id: purged.id });
  }
}

/** `tenantry tenant show`: everything that the registry knows of one tenant. */
export async function showTenant({ slug, id, ...flags }: ShowFlags): Promise<void> {
  return await runAnywhere(flags, async ({ backend, out }) => {
    if ((slug === undefined) === (id === undefined))
      throw new UsageError("Name the tenant: --slug or --id");
    const tenant = await (id === undefined
      ? findBySlug(backend, slug ?? "")
      : backend.tenant({ id }));
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
        tenant.operations.map((one) => [one.id, one.kind, one.state, one.createdAt.toISOString()]),
      );
    }
    return EXIT.ok;
  });
}

function describeLimits(limits: ShownLimits): string {
  const own = limits.own.length === 0 ? "" : `; its own: ${limits.own.join(", ").toLowerCase()}`;
  return `${limits.connectionLimit} connections for each login, statements ${secondsOf(limits.statementTimeoutSeconds)}, idle in transaction ${secondsOf(limits.idleInTransactionTimeoutSeconds)}${own}`;
}

const fieldsOf = (tenant: TenantDetails): [string, string | null][] => [
  ["id", tenant.id],
  ["slug", tenant.slug],
  ["isolation", tenant.isolation],
  ["db server", tenant.dbServer],
  ["database", tenant.databaseName],
  ["schema", tenant.schemaName],
  ["roles", `${tenant.ownerRole}, ${tenant.appRole}`],
  ["secret", tenant.secretName],
  ["credentials rotated", tenant.credentialsRotatedAt?.toISOString() ?? null],
  [
    "old login",
    tenant.retiringUntil &&
      [tenant.retiringRole, `open until ${tenant.retiringUntil.toISOString()}`]
        .filter(Boolean)
        .join(", "),
  ],
  ["version", tenant.schemaVersion],
  ["migrations", String(tenant.migrationsApplied)],
  ["seed sets", tenant.seedSets.join(", ") || null],
  ["admin email", tenant.adminEmail],
  ["region", tenant.region],
  ["vertical", tenant.vertical],
  ["states", tenant.states.join(", ") || null],
  ["tier", tenant.tier],
  ["limits", describeLimits(tenant.limits)],
  ["time zone", tenant.timeZone],
  ["support", [tenant.supportEmail, tenant.supportPhone].filter(Boolean).join(", ") || null],
  ["requested by", tenant.requestedBy],
  ["failure", tenant.failure && `${tenant.failure.code}: ${tenant.failure.message ?? ""}`],
  ["created", tenant.createdAt.toISOString()],
  ["activated", tenant.activatedAt?.toISOString() ?? null],
  ["offboarded from", tenant.offboardedFrom],
  ["purged after", tenant.purgeAfter?.toISOString() ?? null],
  ["locked", tenant.lockedAt && `since ${tenant.lockedAt.toISOString()}: ${tenant.lockReason}`],
];
