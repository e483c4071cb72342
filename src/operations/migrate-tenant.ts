import { z } from "zod";
import { record } from "../audit/record.ts";
import type { EntityManager } from "../database/orm.ts";
import { authorize } from "../iam/grants.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { reasonField } from "../kernel/input.ts";
import { listed, row } from "../kernel/labelled.ts";
import { place } from "../placement/placement.ts";
import { type Check, ReadinessCheck } from "../tenant-schemas/verify-tenant-schema.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import { ensureSecret } from "./credentials/own-secret.ts";
import { passwordOf } from "./credentials/tenant-secret.ts";
import { defineOperation } from "./define-operation.ts";
import { type BeginOptions, nothing } from "./engine/phase.ts";
import { APPLIED, appliedBy, applyPlanned } from "./migrate/apply.ts";
import { type Plan, planMigrations } from "./migrate/plan.ts";
import { registeredVersion } from "./migrate/version.ts";
import { ensureOrganization, refuseMissingOrganization } from "./readiness/missing-organization.ts";
import { activate, checkReadiness, checksShown, failedChecks } from "./readiness/readiness.ts";
import { refuseUnfinished } from "./readiness/unfinished.ts";
import { ensureTenantSchema } from "./site/schema.ts";
import { databaseOn, namesOfTenant } from "./site/site.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import type { TenantRun } from "./tenant-run.ts";

const migrationId = z.string().min(1).max(255);

const MigrateInput = z
  .strictObject({
    ...namedTenant,
    to: migrationId.nullable().default(null).meta({
      description: "The id of the last migration to apply: `0012_samples`. Left out, all are.",
      flag: "--to <version>",
      help: "the last migration to apply, such as 0012_samples (default: all)",
    }),
    allowOutOfOrder: z.array(migrationId).max(100).default([]).meta({
      description:
        "Migrations, by id, that are applied although later ones were, as a branch that was merged late brings them: for administrators, with a reason, which the audit trail keeps. A tenant that has them already is left alone.",
      flag: "--allow-out-of-order <ids...>",
      help: "migrations to apply although later ones were; needs --reason",
    }),
    reason: reasonField.nullable().default(null).meta({
      description: "Why it is done, 1 to 500 characters; needed with `allowOutOfOrder`.",
      flag: "--reason <text>",
      help: "why, for the audit trail",
    }),
  })
  .refine(({ allowOutOfOrder, reason }) => allowOutOfOrder.length === 0 || reason !== null, {
    path: ["reason"],
    message: "is needed with allowOutOfOrder",
  })
  .describe("The tenant to migrate, and how far.");
export type MigrateInput = z.infer<typeof MigrateInput>;

const MigrationResult = describedObject(
  "MigrationResult",
  "What came of migrating a tenant, or what a dry run of it found.",
  {
    version: z
      .string()
      .nullable()
      .describe("The last migration applied to the schema; null when there is none."),
    applied: z
      .array(z.string())
      .default([])
      .describe("The migrations that were applied, in order; empty for a dry run."),
    pending: z
      .array(z.string())
      .default([])
      .describe("The migrations that a dry run would have applied, in order."),
    activated: z
      .boolean()
      .describe("Whether a tenant that was not ACTIVE became so, since every check passed."),
    checks: z
      .array(ReadinessCheck)
      .describe("The readiness checks as they came out; empty for a dry run."),
  },
);

interface MigrateFacts extends Plan {
  readonly checks: readonly Check[];
  readonly activated: boolean;
}

type MigrateRun = TenantRun<MigrateInput, MigrateFacts>;

const KEPT = nothing("what was applied stays; the next run goes on behind it");

/** Brings a tenant's schema to the newest migration, and makes a tenant that failed ACTIVE when it is ready. */
export const migrateTenant = defineOperation<MigrateInput, MigrateFacts>(
  {
    kind: "MIGRATE",
    does: "Applies the migrations that a tenant's schema lacks, and verifies it. A schema that was lost is made anew, with the organization that the tenant was provisioned with.",
    grant: "tenant:operate",
    appliesFiles: true,
    input: MigrateInput,
    result: MigrationResult,
    shows: (
      { version, applied, pending, activated, checks }: Described<typeof MigrationResult>,
      { dryRun },
    ) => [
      ["version", version ?? "none"],
      dryRun ? ["pending", listed(pending)] : ["applied", listed(applied)],
      ...row("status", activated && "ACTIVE now"),
      ...checksShown(checks),
    ],
    mutation: {
      name: "migrateTenant",
      description:
        "Brings a tenant's schema to the newest migration, or to the one named: creates it where it is missing, applies what is pending with an event for each file, verifies it, and makes a tenant that is not ACTIVE so when it is ready. A provisioning that failed is retried instead: `retryOperation`.",
      dryRun: "Whether only to say which migrations are pending, and to write nothing.",
    },
    command: {
      words: "tenant migrate",
      does: "apply the migrations that a tenant lacks; mends one that failed",
      title: "Migrating",
      example: "--slug acme --dry-run",
      dryRun: "show what would be applied, write nothing",
    },
  },
  (ports) => ({
    prepare: async (em, tenant, start) => {
      await refuseUnfinished(em, tenant);
      allowOutOfOrder(em, tenant, start);
      await placeAgain(ports, em, tenant, start.dryRun);
    },
    reason: ({ reason }) => reason,
    phases: [
      {
        name: "MIGRATIONS_PLANNED",
        where: "outside",
        share: 4,
        inDryRun: true,
        ensure: (run) => planMigrations(ports, run),
        undo: nothing("it only looks"),
      },
      {
        name: "SCHEMA_ENSURED",
        where: "outside",
        ensure: (run) => ensureSchema(ports, run),
        undo: KEPT,
      },
      {
        name: APPLIED,
        where: "outside",
        share: 14,
        ensure: (run) => applyPlanned(ports, run),
        undo: KEPT,
      },
      {
        name: "ORGANIZATION_ENSURED",
        where: "outside",
        ensure: (run) => ensureOrganization(ports, run),
        undo: KEPT,
      },
      {
        name: "VERIFIED",
        where: "outside",
        share: 4,
        ensure: (run) => verify(ports, run),
        undo: nothing("it only looks"),
      },
      {
        name: "REGISTERED",
        where: "platform",
        ensure: (run, em) => register(ports, run, em),
        undo: nothing("it is the last phase"),
      },
    ],
    result: async (run, em) => {
      const { dryRun, facts } = run;
      const { activated = false, checks = [] } = facts;
      return {
        ...(await standing(em, run)),
        ...(dryRun ? { pending: facts.pending ?? [] } : { applied: await appliedBy(em, run) }),
        activated,
        checks,
      };
    },
  }),
);

/** What the tenant's schema has in the end: in a dry run what it found, since that leaves the registry alone. */
async function standing(em: EntityManager, run: MigrateRun) {
  const { pending, version = null, migrations = null } = run.facts;
  if (run.dryRun && pending !== undefined) return { version, migrations };
  return await registeredVersion(em, run);
}

/** A tenant that is placed nowhere gets a place as a new one does. */
async function placeAgain(
  { clock }: TenantPorts,
  em: EntityManager,
  tenant: Tenant,
  dryRun: boolean,
): Promise<void> {
  if (tenant.dbServerId !== null || dryRun) return;
  const { isolation, region } = tenant;
  const server = await place(em, { isolation, region, dbServer: null });
  tenant.dbServerId = server.id;
  tenant.databaseName = databaseOn(server, tenant.isolation, namesOfTenant(tenant));
  tenant.updatedAt = clock();
  await em.flush();
}

/** Applying a file behind later ones is an administrator's decision, which the audit trail keeps. */
function allowOutOfOrder(
  em: EntityManager,
  { id, slug }: Tenant,
  { actor, input, dryRun, operationId }: BeginOptions<MigrateInput>,
): void {
  const { allowOutOfOrder: migrations, reason } = input;
  if (migrations.length === 0) return;
  authorize(actor, "migration:override");
  if (dryRun || reason === null) return;
  const detail = { migrations, reason };
  record(em, actor, {
    type: "MIGRATION_ORDER_WAIVED",
    tenant: { id, slug },
    operationId,
    detail,
  });
}

/** Creates the schema, its database and roles, and its secret where they are missing. */
async function ensureSchema(ports: TenantPorts, run: MigrateRun): Promise<undefined> {
  const site = await run.site();
  const password = passwordOf(await ensureSecret(ports, run, site));
  await ensureTenantSchema(ports, site, { tenant: site.tenant, password });
}

/** Verifies what stands now; a tenant that is not ready shows in the result, and stays as it is. */
async function verify(ports: TenantPorts, run: MigrateRun): Promise<Partial<MigrateFacts>> {
  const site = await run.site();
  await refuseMissingOrganization(ports, site);
  const { seedSets, status } = site.tenant;
  const readiness = await checkReadiness(ports, run, site, seedSets, status === "SUSPENDED");
  const { checks, migrations, version } = readiness;
  return { checks, migrations, version };
}

/** Makes a tenant that failed ACTIVE, only when every check passes. */
async function register(
  ports: TenantPorts,
  run: MigrateRun,
  em: EntityManager,
): Promise<Partial<MigrateFacts>> {
  const { checks = [], migrations = 0, version = null } = run.facts;
  const ready = failedChecks({ checks }).length === 0;
  await run.update(em, { schemaVersion: version, migrationsApplied: migrations });
  return { activated: ready && (await activate(ports, run, em)) };
}
