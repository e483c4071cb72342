import { type OperationCatalog, operationCatalog } from "../../src/operations/catalog.ts";
import type { Operation } from "../../src/operations/engine/operation.entity.ts";
import type { AnyOperation } from "../../src/operations/engine/phase.ts";
import type { ProvisionRequest } from "../../src/operations/provision/input.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import type { TenantPorts } from "../../src/operations/tenant-ports.ts";
import type { Platform } from "../../src/platform.ts";
import { ISOLATIONS, type Isolation } from "../../src/tenants/names.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { type Tenant, TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser, urlOf } from "./database.ts";
import { followToEnd, OPERATOR, provision, provisionRequest } from "./tenants.ts";

/** How an operation is made startable, and what it leaves where. */
export interface Scenario {
  /** The status of the tenant that it starts on; null where there is no tenant yet. */
  readonly from: Tenant["status"] | null;
  /** The status that it leaves when it succeeds. */
  readonly to: Tenant["status"];
  readonly input?: Record<string, unknown>;
  /** The operation that leaves it something to do. */
  readonly after?: keyof OperationCatalog;
  /** Makes something to do in the tenant's schema, as the owner role. */
  readonly prepare?: string;
  /** The first phase whose deed stays when a later one fails; null where everything is undone. */
  readonly staysFrom: string | null;
  /** The status that a tenant has whose operation failed at or behind that phase, where it is another. */
  readonly staysAs?: Tenant["status"];
  /** The phase in whose middle a worker dies. */
  readonly diesIn: string;
}

/** The registry follows: what it says of a tenant is what its ledger holds. */
export const PENDING_MIGRATION = `drop table sample; drop sequence sample_number;
  delete from tenantry_migration where id = '0003_samples'`;

const EDITED_MIGRATION = "update tenantry_migration set sha256 = 'x' where id = '0002_units'";

/** The tables of one kind of snapshot, which the small schema has not, with something to do. */
const PATIENTS = `
  create table client (id bigint primary key, code text, name text);
  create table practitioner (id bigint primary key, code text, full_name text,
    national_provider_number text);
  create table identifier_type (id bigint primary key, code text, name text);
  create table patient (id bigint primary key, client_id bigint, primary_practitioner_id bigint,
    metadata_snapshot jsonb, snapshot_at timestamptz);
  create table patient_identifier (id bigint primary key, patient_id bigint,
    identifier_type_id bigint, value text, issuer text);
  alter table sample add column patient_id bigint, add column state text;
  insert into patient (id) values (1), (2);
  insert into sample (patient_id, state) values (1, 'RECEIVED')`;

/** Every operation of the catalogue; one that has none here fails the test of the list. */
export const SCENARIOS: Record<keyof OperationCatalog, Scenario> = {
  provisionTenant: { from: null, to: "ACTIVE", staysFrom: null, diesIn: "MIGRATIONS_APPLIED" },
  migrateTenant: {
    from: "ACTIVE",
    to: "ACTIVE",
    prepare: PENDING_MIGRATION,
    staysFrom: "MIGRATIONS_APPLIED",
    diesIn: "MIGRATIONS_APPLIED",
  },
  acceptMigration: {
    from: "ACTIVE",
    to: "ACTIVE",
    input: { migration: "0002_units", reason: "a test" },
    prepare: EDITED_MIGRATION,
    staysFrom: null,
    diesIn: "LEDGER_CHANGED",
  },
  activateTenant: { from: "FAILED", to: "ACTIVE", staysFrom: null, diesIn: "ACTIVATED" },
  addLaboratory: {
    from: "ACTIVE",
    to: "ACTIVE",
    input: { name: "Second" },
    staysFrom: null,
    diesIn: "LABORATORY_ADDED",
  },
  seedTenant: {
    from: "ACTIVE",
    to: "ACTIVE",
    input: { sets: ["extra"] },
    staysFrom: "SEEDS_APPLIED",
    diesIn: "SEEDS_APPLIED",
  },
  refreshSnapshots: {
    from: "ACTIVE",
    to: "ACTIVE",
    input: { targets: ["PATIENT"] },
    prepare: PATIENTS,
    staysFrom: "PATIENTS",
    diesIn: "PATIENTS",
  },
  rotateCredentials: {
    from: "ACTIVE",
    to: "ACTIVE",
    staysFrom: null,
    diesIn: "SECRET_STORED",
  },
  retireCredentials: {
    from: "ACTIVE",
    to: "ACTIVE",
    after: "rotateCredentials",
    staysFrom: "OLD_LOGIN_CLOSED",
    diesIn: "OLD_LOGIN_CLOSED",
  },
  setLimits: { from: "ACTIVE", to: "ACTIVE", staysFrom: "LIMITS_SET", diesIn: "LIMITS_SET" },
  suspendTenant: { from: "ACTIVE", to: "SUSPENDED", staysFrom: null, diesIn: "LOGIN_CLOSED" },
  resumeTenant: { from: "SUSPENDED", to: "ACTIVE", staysFrom: null, diesIn: "LOGIN_OPENED" },
  cleanupTenant: {
    from: "FAILED",
    to: "PURGED",
    input: { dropSchema: true },
    staysFrom: "SCHEMA_DROPPED",
    diesIn: "SCHEMA_DROPPED",
  },
  offboardTenant: { from: "ACTIVE", to: "OFFBOARDED", staysFrom: null, diesIn: "OFFBOARDED" },
  restoreTenant: { from: "OFFBOARDED", to: "ACTIVE", staysFrom: null, diesIn: "LOGIN_OPENED" },
  purgeTenant: {
    from: "ACTIVE",
    to: "PURGED",
    input: { immediately: true, reason: "a test" },
    staysFrom: "SCHEMA_DROPPED",
    staysAs: "OFFBOARDED",
    diesIn: "SCHEMA_DROPPED",
  },
};

export type ActName = keyof OperationCatalog;
export const ACTS = Object.keys(SCENARIOS) as ActName[];

/** The acts that make, look into or drop what depends on the isolation. */
const ON_BOTH: readonly ActName[] = [
  ...(["provisionTenant", "migrateTenant", "cleanupTenant"] as const),
  ...(["offboardTenant", "purgeTenant"] as const),
];

/** Every act on a tenant in the shared database, and some on one with a database of its own. */
export const CASES = ISOLATIONS.flatMap((isolation) =>
  (isolation === "SCHEMA" ? ACTS : ON_BOTH).map((act) => ({ act, isolation })),
);

/** The phases of each operation; no port is used to list them. */
export const CATALOG: Record<string, AnyOperation> = operationCatalog({} as TenantPorts);
export const phasesOf = (act: ActName): string[] =>
  (CATALOG[act]?.phases ?? []).map(({ name }) => name);

/** Starts the scenario's operation on the tenant of a slug. */
export async function begin(
  platform: Platform,
  act: ActName,
  slug: string,
  isolation: Isolation = "SCHEMA",
  dbServer: string | null = null,
): Promise<Operation> {
  const options = { dryRun: false, idempotencyKey: null };
  const request = provisionRequest({ slug, isolation, dbServer });
  if (act === "provisionTenant")
    return (
      await startOnTenant(platform, OPERATOR, platform.operations.provisionTenant, request, options)
    ).operation;
  const definition: AnyOperation = platform.operations[act];
  const input = { slug, ...SCENARIOS[act].input };
  return (await startOnTenant(platform, OPERATOR, definition, input, options)).operation;
}

const RETIRED: Partial<Record<Tenant["status"], ActName>> = {
  SUSPENDED: "suspendTenant",
  OFFBOARDED: "offboardTenant",
};

/** Makes the tenant that a scenario starts on; needs a worker. */
export async function arrange(
  platform: Platform,
  act: ActName,
  slug: string,
  place: Pick<ProvisionRequest, "dbServer" | "isolation"> = {},
): Promise<void> {
  const { from, prepare, after } = SCENARIOS[act];
  if (from === null) return;
  const { operation } = await provision(platform, { slug, seeds: ["core"], ...place });
  if (operation.state !== "SUCCEEDED") throw new Error(JSON.stringify(operation.error));
  const { id, schemaName, ownerRole, databaseName } = await tenantBySlug(
    platform.orm.em.fork(),
    slug,
  );
  if (prepare !== undefined) {
    await asSuperuser(urlOf(platform.databaseUrl, databaseName ?? ""), (client) =>
      client.query(`set role ${ownerRole}; set search_path = ${schemaName}; ${prepare}`),
    );
  }
  if (prepare === PENDING_MIGRATION) {
    const behind = { schemaVersion: "0002_units", migrationsApplied: 2 };
    await platform.orm.em.fork().nativeUpdate(TenantEntity, { id }, behind);
  }
  const retire = after ?? RETIRED[from];
  if (retire) await followToEnd(platform, (await begin(platform, retire, slug)).id);
  if (from === "FAILED") {
    const failed = { status: from, failureCode: "E_INTERNAL", failureMessage: "planned" };
    await platform.orm.em.fork().nativeUpdate(TenantEntity, { id }, failed);
  }
}
