import type { EntityManager } from "../database/orm.ts";
import { authorize } from "../iam/grants.ts";
import { listOperations, newestMigration } from "../operations/list.ts";
import { readCluster } from "../placement/cluster.ts";
import { DbServerEntity } from "../placement/db-server.entity.ts";
import { TENANT_STATUSES } from "../tenants/lifecycle.ts";
import { listTenants as findTenants, type TenantFilter } from "../tenants/list.ts";
import { ISOLATIONS } from "../tenants/names.ts";
import { tenantBySlug } from "../tenants/registry.ts";
import { type Tenant, TIERS } from "../tenants/tenant.entity.ts";
import { describePlace, placeIn } from "./clusters.ts";
import { EXIT } from "./exit-codes.ts";
import { firstRows } from "./first-rows.ts";
import { limitOf, oneOf } from "./flag-values.ts";
import { runOnPlatform, type Session } from "./session.ts";
import { writeFields, writeTable } from "./table.ts";

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
export async function listTenants(flags: ListFlags): Promise<never> {
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    const limit = limitOf(flags.limit);
    const wanted = filterOf(flags);
    authorize(actor, "tenant:read");
    const filter = flags.behind ? { ...wanted, version: await behindOf(platform) } : wanted;
    const em = platform.orm.em.fork() as EntityManager;
    const { rows: shown, more } = await firstRows(limit, (page) => findTenants(em, filter, page));
    if (flags.json) for (const tenant of shown) out.json(tenantJson(tenant));
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

const behindOf = async ({ config }: Session["platform"]) => ({
  behind: true,
  newest: await newestMigration(config.tenantMigrationsDir),
});

function filterOf({ status, tier, isolation, region, text }: ListFlags): TenantFilter {
  return {
    ...(status === undefined ? {} : { status: oneOf("--status", status, TENANT_STATUSES) }),
    ...(tier === undefined ? {} : { tier: oneOf("--tier", tier, TIERS) }),
    ...(isolation === undefined ? {} : { isolation: oneOf("--isolation", isolation, ISOLATIONS) }),
    ...(region === undefined ? {} : { region }),
    ...(text === undefined ? {} : { text }),
  };
}

const rowOf = (tenant: Tenant) => [
  tenant.slug,
  tenant.status,
  tenant.tier,
  tenant.region ?? "",
  tenant.schemaVersion ?? "",
  tenant.createdAt.toISOString().slice(0, 16).replace("T", " "),
  tenant.name,
];

/** `tenantry tenant show`: everything that the registry knows of one tenant. */
export async function showTenant(flags: {
  readonly slug: string;
  readonly json?: boolean;
}): Promise<never> {
  return await runOnPlatform(flags, async (session) => {
    const { platform, actor, out } = session;
    authorize(actor, "tenant:read");
    authorize(actor, "secret-name:read");
    const em = platform.orm.em.fork();
    const tenant = await tenantBySlug(em, flags.slug);
    const server =
      tenant.dbServerId && (await em.findOne(DbServerEntity, { id: tenant.dbServerId }));
    const cluster = server ? await readCluster(platform, server) : null;
    const details = {
      dbServer: server ? server.name : null,
      clusterPlace: cluster && placeIn(cluster, tenant.schemaName),
      operations: await operationsOf(session, tenant.id),
    };
    if (flags.json) out.json({ ...tenantJson(tenant), ...details });
    else {
      out.line(`${out.style("bold", tenant.name)}  ${tenant.status}`);
      writeFields(out, [
        ...fieldsOf(tenant, details.dbServer),
        ["node and size", details.clusterPlace && describePlace(details.clusterPlace)],
      ]);
      out.line();
      writeTable(
        out,
        ["OPERATION", "KIND", "STATE", "CREATED"],
        details.operations.map((one) => [one.id, one.kind, one.state, one.createdAt.toISOString()]),
      );
    }
    return EXIT.ok;
  });
}

async function operationsOf({ platform }: Session, subjectId: string) {
  const em = platform.orm.em.fork() as EntityManager;
  const { rows } = await listOperations(em, { subjectId }, { first: 10, after: null });
  return rows.map(({ id, kind, state, createdAt }) => ({ id, kind, state, createdAt }));
}

/** A tenant as scripts read it. */
function tenantJson(tenant: Tenant) {
  const { failureCode, failureMessage, ...facts } = tenant;
  const { dbServerId: _server, ...shown } = facts;
  return {
    ...shown,
    failure: failureCode === null ? null : { code: failureCode, message: failureMessage },
  };
}

const fieldsOf = (tenant: Tenant, dbServer: string | null): [string, string | null][] => [
  ["id", tenant.id],
  ["slug", tenant.slug],
  ["isolation", tenant.isolation],
  ["db server", dbServer],
  ["database", tenant.databaseName],
  ["schema", tenant.schemaName],
  ["roles", `${tenant.ownerRole}, ${tenant.appRole}`],
  ["secret", tenant.secretName],
  ["credentials rotated", tenant.credentialsRotatedAt?.toISOString() ?? null],
  [
    "old login",
    tenant.retiringUntil &&
      `${tenant.retiringRole}, open until ${tenant.retiringUntil.toISOString()}`,
  ],
  ["version", tenant.schemaVersion],
  ["migrations", String(tenant.migrationsApplied)],
  ["seed sets", tenant.seedSets.join(", ") || null],
  ["admin email", tenant.adminEmail],
  ["region", tenant.region],
  ["vertical", tenant.vertical],
  ["states", tenant.states.join(", ") || null],
  ["tier", tenant.tier],
  ["time zone", tenant.timeZone],
  ["support", [tenant.supportEmail, tenant.supportPhone].filter(Boolean).join(", ") || null],
  ["requested by", tenant.requestedBy],
  ["failure", tenant.failureCode && `${tenant.failureCode}: ${tenant.failureMessage ?? ""}`],
  ["created", tenant.createdAt.toISOString()],
  ["activated", tenant.activatedAt?.toISOString() ?? null],
  ["offboarded from", tenant.offboardedFrom],
  ["purged after", tenant.purgeAfter?.toISOString() ?? null],
  ["locked", tenant.lockedAt && `since ${tenant.lockedAt.toISOString()}: ${tenant.lockReason}`],
];
