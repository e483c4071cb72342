import type { Described } from "../kernel/described.ts";
import { openSeedFolder } from "../seeding/seed-folder.ts";
import { namesOf } from "../tenants/names.ts";
import { parseSlug } from "../tenants/slug.ts";
import type { DefinedOperation } from "./define-operation.ts";
import { nothing, type OperationDefinition, withRun } from "./engine/phase.ts";
import { beginProvisioning } from "./provision/begin.ts";
import { removeFirstAdmin, seedAdmin } from "./provision/first-admin.ts";
import { ProvisionInput, type ProvisionRequest, parseProvisionRequest } from "./provision/input.ts";
import { checkState, resolvePlacement } from "./provision/placement.ts";
import { expectPlannedFiles, planHashOf } from "./provision/plan-hash.ts";
import {
  recordProvisioned,
  registerTenant,
  releasePlacement,
  settleProvisioning,
  unregisterTenant,
} from "./provision/registry.ts";
import { ProvisionPlan, ProvisionSummary, planShown, summaryShown } from "./provision/results.ts";
import { type ProvisionFacts, type ProvisionRun, provisionRun } from "./provision/run.ts";
import {
  applySeeds,
  createSchema,
  dropSchema,
  migrateSchema,
  setSecret,
  unsetSecret,
  verifyTenant,
} from "./provision/schema.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import { PROFILE } from "./tenant-profile.ts";

const EXAMPLES = `Examples:
  $ tenantry tenant provision --slug acme --name "Acme Labs" \\
      --admin-email ada@acme.example --lab "Main laboratory"
  $ tenantry tenant provision --slug acme --name "Acme Labs" --admin-email ada@acme.example \\
      --lab Main --region local --tier premium --states CA,NY --time-zone America/New_York \\
      --admin-credential one-time-password
  $ tenantry tenant provision … --dry-run          shows the plan, writes nothing
  $ tenantry tenant provision … --json | tail -1   the result, for a script`;

/** Provisions a tenant: placement, secret, schema with roles, migrations, seeds, first admin. */
export const provisionTenant: DefinedOperation<ProvisionInput, ProvisionFacts> = {
  kind: "PROVISION",
  does: "Makes a tenant: placement, secret, schema and roles, migrations, seeds, first administrator.",
  grant: "tenant:provision",
  appliesFiles: true,
  input: ProvisionInput,
  result: ProvisionSummary,
  plan: ProvisionPlan,
  shows: (result: Described<typeof ProvisionSummary> | Described<typeof ProvisionPlan>) =>
    "tenantId" in result ? summaryShown(result) : planShown(result),
  mutation: {
    name: "provisionTenant",
    description:
      "Makes a tenant: chooses a db server, stores its secret, creates its schema and roles, applies migrations and seeds, verifies it and invites its first administrator. Provisioning a FAILED slug again is a retry.",
    payload:
      "The operation that provisions the tenant, and the tenant, whose slug is taken from now on.",
    dryRun: "Whether only to say what would be made, and to write nothing.",
    errors: ["SlugTakenError"],
  },
  command: {
    words: "tenant provision",
    does: "provision a tenant: placement, secret, schema, migrations, seeds, first admin",
    title: "Provisioning",
    dryRun: "check everything and show the plan, write nothing",
    groups: {
      "The tenant (the first two are needed):": ["slug", "name", "initialLaboratory", "setupName"],
      "What is noted of it:": [...Object.keys(PROFILE), "onBehalfOf", "labels"],
      "Where it lies and what it holds:": ["region", "dbServer", "isolation", "seeds", "planHash"],
      "Its first admin:": ["adminEmail", "adminName", "adminCredential", "allowExistingUser"],
      "How it is run:": [],
    },
    example: EXAMPLES,
  },
  open: (ports) => withRun(provisioning(ports), (run) => provisionRun(ports, run)),
};

const provisioning = (
  ports: TenantPorts,
): OperationDefinition<ProvisionInput, ProvisionFacts, ProvisionRun> => ({
  kind: "PROVISION",
  appliesFiles: true,
  storesSecrets: true,
  input: ProvisionInput,
  read: async (request) => {
    const seeds = await openSeedFolder(ports.seeds);
    const input = parseProvisionRequest(request as ProvisionRequest, [...seeds.sets.keys()]);
    await expectPlannedFiles(ports, input);
    return input;
  },
  begin: (em, start) => beginProvisioning(ports, em, start),
  phases: [
    {
      name: "PLACEMENT_RESOLVED",
      where: "platform",
      inDryRun: true,
      ensure: (run, em) => resolvePlacement(ports, run, em),
      undo: releasePlacement,
    },
    {
      name: "STATE_CHECKED",
      where: "outside",
      share: 4,
      inDryRun: true,
      ensure: (run) => checkState(ports, run),
      undo: nothing("it only looks"),
    },
    {
      name: "SECRET_SET",
      where: "outside",
      ensure: (run) => setSecret(ports, run),
      undo: (run) => unsetSecret(ports, run),
    },
    {
      name: "DATABASE_CREATED",
      where: "outside",
      ensure: (run) => createSchema(ports, run),
      undo: (run) => dropSchema(ports, run),
    },
    {
      name: "MIGRATIONS_APPLIED",
      where: "outside",
      share: 14,
      ensure: (run) => migrateSchema(ports, run),
      undo: nothing("dropped with the schema"),
    },
    {
      name: "SEEDS_APPLIED",
      where: "outside",
      share: 5,
      ensure: (run) => applySeeds(ports, run),
      undo: nothing("dropped with the schema"),
    },
    {
      name: "VERIFIED",
      where: "outside",
      share: 2,
      ensure: (run) => verifyTenant(ports, run),
      undo: nothing("it only looks"),
    },
    {
      name: "MASTER_REGISTERED",
      where: "platform",
      ensure: (run, em) => registerTenant(ports, run, em),
      undo: unregisterTenant,
    },
    {
      name: "ADMIN_SEEDED",
      where: "platform",
      ensure: (run, em) => seedAdmin(ports, run, em),
      undo: removeFirstAdmin,
    },
    {
      name: "COMPLETE",
      where: "platform",
      ensure: recordProvisioned,
      undo: nothing("it is the last phase"),
    },
  ],
  settle: settleProvisioning,
  result: (run, _em, { state }) =>
    state !== "SUCCEEDED"
      ? null
      : run.dryRun
        ? { plan: planOf(ports, run) }
        : { summary: summaryOf(ports, run) },
});

/** What a dry run answers: everything that would be made. */
function planOf(ports: TenantPorts, { facts, subjectName, input }: ProvisionRun) {
  const names = namesOf(parseSlug(subjectName), ports);
  return {
    dbServer: facts.dbServer,
    isolation: input.isolation,
    database: facts.database,
    schema: names.schema,
    ownerRole: names.ownerRole,
    appRole: names.appRole,
    secretName: names.secret,
    migrations: facts.migrations ?? [],
    migrationFormat: facts.migrationFormat ?? null,
    passedOver: facts.passedOver ?? [],
    passedOverCount: facts.passedOverCount ?? 0,
    seedSets: facts.seedSets ?? [],
    planHash: planHashOf(facts.files ?? "", input, facts.dbServer ?? ""),
    laboratory: input.initialLaboratory,
    firstAdmin: input.adminEmail,
  };
}

/** What a provisioned tenant consists of. */
function summaryOf(ports: TenantPorts, { facts, subjectId, subjectName }: ProvisionRun) {
  return {
    tenantId: subjectId,
    dbServer: facts.dbServer,
    database: facts.database,
    schema: namesOf(parseSlug(subjectName), ports).schema,
    tables: facts.tables ?? 0,
    migrationsApplied: facts.migrationsApplied ?? 0,
    schemaVersion: facts.schemaVersion ?? null,
    seedRows: facts.seedRows ?? [],
    roleLogin: facts.roleLogin ?? false,
    credential: facts.credential,
  };
}
