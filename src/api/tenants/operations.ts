import { tenantMutation } from "./mutation.ts";
import { SnapshotTargetRef } from "./results.ts";

tenantMutation({
  name: "migrateTenant",
  description:
    "Brings a tenant's schema to the newest migration, or to the one named: creates it where it is missing, applies what is pending with an event for each file, verifies it, and makes a tenant that is not ACTIVE so when it is ready. A provisioning that failed is retried instead: `retryOperation`.",
  input: "The tenant to migrate, and how far.",
  fields: (t) => ({
    to: t.string({
      description: "The id of the last migration to apply: `0012_samples`. Left out, all are.",
    }),
    allowOutOfOrder: t.stringList({
      description:
        "Migrations, by id, that are applied although later ones were, as a branch that was merged late brings them: for administrators, with a reason, which the audit trail keeps. A tenant that has them already is left alone.",
    }),
    reason: t.string({
      description: "Why it is done, 1 to 500 characters; needed with `allowOutOfOrder`.",
    }),
  }),
  dryRun: "Whether only to say which migrations are pending, and to write nothing.",
  operation: (operations) => operations.migrateTenant,
});

tenantMutation({
  name: "acceptMigration",
  description:
    "Lets a migration count as applied to a tenant as its file is now, and runs nothing of it: of a file that was edited after it was applied the ledger takes the checksum, of a renamed one (known by its content) the new id, and one that is gone from the folder it forgets. For administrators.",
  input: "The tenant, and the migration that the migration folder and its ledger differ in.",
  fields: (t) => ({
    migration: t.string({
      required: true,
      description:
        "Its id, as `E_MIGRATION_DRIFT` names it: `0012_samples`. Of a renamed one either id will do.",
    }),
    reason: t.string({
      required: true,
      description: "Why, 1 to 500 characters; kept in the audit trail.",
    }),
  }),
  action: "migration:override",
  operation: (operations) => operations.acceptMigration,
});

tenantMutation({
  name: "activateTenant",
  description:
    "Runs the readiness checks of a tenant and makes it ACTIVE when all of them pass; the operation's result tells each. `force` is for administrators.",
  input: "The tenant to activate.",
  fields: (t) => ({
    force: t.boolean({
      defaultValue: false,
      description:
        "Whether to activate it although checks fail: for administrators, with a reason, which the audit trail keeps with what failed.",
    }),
    reason: t.string({
      description: "Why it is done, 1 to 500 characters; needed with `force`.",
    }),
  }),
  operation: (operations) => operations.activateTenant,
});

tenantMutation({
  name: "addLaboratory",
  description:
    "Adds a laboratory to the tenant's organization, or to the one that `setupName` selects. A name that the organization has already is refused.",
  input: "The laboratory to add.",
  fields: (t) => ({
    name: t.string({ required: true, description: "Its name, 1 to 200 characters." }),
    setupName: t.string({
      description:
        "The setup name of the organization that gets it; needed where the tenant has several.",
    }),
  }),
  operation: (operations) => operations.addLaboratory,
});

tenantMutation({
  name: "seedTenant",
  description:
    "Adds the rows of seed sets that a tenant's schema lacks, those of the sets that they depend on first.",
  input: "The tenant and its seed sets.",
  fields: (t) => ({
    sets: t.stringList({
      required: true,
      description: "The sets by name, 1 to 100 of them: `core`; `all` is every set.",
    }),
  }),
  operation: (operations) => operations.seedTenant,
});

tenantMutation({
  name: "refreshSnapshots",
  description:
    "Takes the metadata snapshots of a tenant's records again, in bounded batches: those of samples in state RECEIVED, or with `hard` all of them.",
  input: "Which snapshots to take again.",
  fields: (t) => ({
    targets: t.field({
      type: [SnapshotTargetRef],
      description: "Whose snapshots; all when left out.",
    }),
    hard: t.boolean({
      defaultValue: false,
      description:
        "Whether to take every snapshot, also of records that were finished long ago; needs `confirm`.",
    }),
    confirm: t.boolean({
      defaultValue: false,
      description: "Says that `hard` is really wanted.",
    }),
  }),
  operation: (operations) => operations.refreshSnapshots,
});
