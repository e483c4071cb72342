import type { Format } from "../../migration-folders/migration-source.ts";
import type { Operation } from "../../operations/engine/operation.entity.ts";
import type { FilePlace } from "../../operations/migration-check/check-migrations.ts";
import type { TenantAct } from "../../tenants/lifecycle.ts";
import type { Isolation } from "../../tenants/names.ts";
import { builder } from "../builder.ts";
import { mayCall } from "../caller.ts";
import { describedEnum } from "../described-enum.ts";
import { FilePlaceRef, MigrationFormatRef } from "../migration-check.ts";
import { TenantRef } from "../refs.ts";
import { TENANT_RESULTS } from "../tenants/results.ts";
import { IsolationRef } from "../tenants/tenants.ts";
import { CREDENTIAL_RESULTS } from "./credential-results.ts";
import { REMOVAL_RESULTS } from "./removal-results.ts";

/** The JSON that an operation keeps, told apart by the operation's kind. */
interface Outcome {
  readonly kind: TenantAct;
  readonly dryRun: boolean;
}

/** What a dry run of provisioning keeps as its result. */
interface ProvisionPlan {
  readonly dbServer: string;
  readonly isolation: Isolation;
  readonly database: string;
  readonly schema: string;
  readonly ownerRole: string;
  readonly appRole: string;
  readonly secretName: string;
  readonly migrations: readonly string[];
  /** These are missing in plans of earlier versions. */
  readonly migrationFormat?: Format | null;
  readonly passedOver?: readonly FilePlace[];
  readonly passedOverCount?: number;
  readonly seedSets: readonly string[];
}

interface SeedRows {
  readonly set: string;
  readonly rows: number;
}

type Credential = "INVITATION" | "ONE_TIME_PASSWORD" | "EXISTING_PASSWORD";

/** What provisioning keeps as its result. */
interface ProvisionSummary {
  readonly tenantId: string;
  readonly dbServer: string;
  readonly database: string;
  readonly schema: string;
  readonly tables: number;
  readonly migrationsApplied: number;
  readonly schemaVersion: string | null;
  readonly seedRows: readonly SeedRows[];
  readonly roleLogin: boolean;
  readonly credential: Credential;
}

const ProvisionPlanRef = builder.objectRef<{ plan: ProvisionPlan }>("ProvisionPlan").implement({
  description: "What a dry run found: everything that provisioning would make.",
  fields: (t) => ({
    dbServer: t.string({
      description: "The name of the db server it would be placed on.",
      resolve: ({ plan }) => plan.dbServer,
    }),
    isolation: t.field({
      type: IsolationRef,
      description: "Where the schema would lie.",
      resolve: ({ plan }) => plan.isolation,
    }),
    database: t.string({
      description: "The database that would hold the schema.",
      resolve: ({ plan }) => plan.database,
    }),
    schema: t.string({ description: "The schema's name.", resolve: ({ plan }) => plan.schema }),
    ownerRole: t.string({
      description: "The PostgreSQL role that would own the schema.",
      resolve: ({ plan }) => plan.ownerRole,
    }),
    appRole: t.string({
      description: "The PostgreSQL role that the application would log in as.",
      resolve: ({ plan }) => plan.appRole,
    }),
    secretName: t.string({
      nullable: true,
      description: "The secret's name; null for roles without `secret-name:read`.",
      resolve: ({ plan }, _args, { caller }) =>
        mayCall(caller, "secret-name:read") ? plan.secretName : null,
    }),
    migrations: t.stringList({
      description: "The migrations that would be applied, in order.",
      resolve: ({ plan }) => [...plan.migrations],
    }),
    migrationFormat: t.field({
      type: MigrationFormatRef,
      nullable: true,
      description: "How their folder is laid out; null in plans of earlier versions.",
      resolve: ({ plan }) => plan.migrationFormat ?? null,
    }),
    passedOver: t.field({
      type: [FilePlaceRef],
      description:
        "Statements of the migrations that would not be carried out, since they change nothing for a tenant; the first 50.",
      resolve: ({ plan }) => [...(plan.passedOver ?? [])],
    }),
    passedOverCount: t.int({
      description: "How many such statements there are in all.",
      resolve: ({ plan }) => plan.passedOverCount ?? 0,
    }),
    seedSets: t.stringList({
      description: "The seed sets that would be applied, in order.",
      resolve: ({ plan }) => [...plan.seedSets],
    }),
  }),
});

const SeedRowsRef = builder.objectRef<SeedRows>("SeedRows").implement({
  description: "How many rows came from one seed set.",
  fields: (t) => ({
    set: t.exposeString("set", { description: "The seed set's name." }),
    rows: t.exposeInt("rows", { description: "How many rows it added." }),
  }),
});

const CredentialRef = describedEnum<Credential>(
  "FirstAdminCredential",
  "How a tenant's first administrator gets in.",
  {
    INVITATION: "By the link in an email, which asks for a password.",
    ONE_TIME_PASSWORD: "With a one-time password: see `revealOneTimePassword`.",
    EXISTING_PASSWORD: "With the password of an identity that existed before.",
  },
);

const ProvisionSummaryRef = builder
  .objectRef<{ summary: ProvisionSummary }>("ProvisionSummary")
  .implement({
    description: "What a provisioned tenant consists of, as it was verified.",
    fields: (t) => ({
      tenant: t.field({
        type: TenantRef,
        nullable: true,
        description: "The tenant; null once it is gone.",
        resolve: ({ summary }, _args, { load }) => load.tenant.load(summary.tenantId),
      }),
      tenantId: t.id({
        description: "The tenant's UUID.",
        resolve: ({ summary }) => summary.tenantId,
      }),
      dbServer: t.string({
        description: "The name of the db server it is placed on.",
        resolve: ({ summary }) => summary.dbServer,
      }),
      database: t.string({
        description: "The database that holds the schema.",
        resolve: ({ summary }) => summary.database,
      }),
      schema: t.string({
        description: "The schema's name.",
        resolve: ({ summary }) => summary.schema,
      }),
      tables: t.int({
        description: "How many tables the schema has.",
        resolve: ({ summary }) => summary.tables,
      }),
      migrationsApplied: t.int({
        description: "How many migrations were applied.",
        resolve: ({ summary }) => summary.migrationsApplied,
      }),
      schemaVersion: t.string({
        nullable: true,
        description: "The last migration applied; null when there are no migrations.",
        resolve: ({ summary }) => summary.schemaVersion,
      }),
      seedRows: t.field({
        type: [SeedRowsRef],
        description: "The rows that came from seed sets.",
        resolve: ({ summary }) => [...summary.seedRows],
      }),
      roleLogin: t.boolean({
        description: "Whether the application's role logged in with the stored secret.",
        resolve: ({ summary }) => summary.roleLogin,
      }),
      credential: t.field({
        type: CredentialRef,
        description: "How the first administrator gets in.",
        resolve: ({ summary }) => summary.credential,
      }),
    }),
  });

/** Which type tells of which kind's result; kinds of which there is nothing to tell are absent. */
const TYPES: Partial<Record<TenantAct, { readonly name: string }>> = {
  PROVISION: ProvisionSummaryRef,
  ...TENANT_RESULTS,
  ...CREDENTIAL_RESULTS,
  ...REMOVAL_RESULTS,
};

export const OperationResultRef = builder.unionType("OperationResult", {
  description: "What came of an operation, by its kind.",
  types: [
    ProvisionPlanRef,
    ProvisionSummaryRef,
    ...Object.values(TENANT_RESULTS),
    ...Object.values(CREDENTIAL_RESULTS),
    ...Object.values(REMOVAL_RESULTS),
  ],
  resolveType: (outcome: unknown) => {
    const { kind, dryRun } = outcome as Outcome;
    return kind === "PROVISION" && dryRun ? "ProvisionPlan" : TYPES[kind]?.name;
  },
});

/** An ended operation's result with what tells its type; null where there is none. */
export function outcomeOf({
  kind,
  dryRun,
  result,
}: Operation): typeof OperationResultRef.$inferType | null {
  const told = result !== null && kind in TYPES;
  return told ? ({ ...result, kind, dryRun } as never) : null;
}
