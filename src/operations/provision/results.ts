import { z } from "zod";
import { type Described, describedEnum, describedObject } from "../../kernel/described.ts";
import { type Labelled, row } from "../../kernel/labelled.ts";
import { Format } from "../../migration-folders/migration-source.ts";
import { Isolation } from "../../tenants/names.ts";
import { FilePlace } from "../migration-check/check-migrations.ts";

const FirstAdminCredential = describedEnum(
  "FirstAdminCredential",
  "How a tenant's first administrator gets in.",
  {
    INVITATION: "By the link in an email, which asks for a password.",
    ONE_TIME_PASSWORD: "With a one-time password: see `revealOneTimePassword`.",
    EXISTING_PASSWORD: "With the password of an identity that existed before.",
  },
);

export const ProvisionPlan = describedObject(
  "ProvisionPlan",
  "What a dry run found: everything that provisioning would make.",
  {
    dbServer: z.string().describe("The name of the db server it would be placed on."),
    isolation: Isolation.describe("Where the schema would lie."),
    database: z.string().describe("The database that would hold the schema."),
    schema: z.string().describe("The schema's name."),
    ownerRole: z.string().describe("The PostgreSQL role that would own the schema."),
    appRole: z.string().describe("The PostgreSQL role that the application would log in as."),
    secretName: z.string().nullable().meta({
      description: "The secret's name; null for roles without `secret-name:read`.",
      needs: "secret-name:read",
    }),
    migrations: z.array(z.string()).describe("The migrations that would be applied, in order."),
    migrationFormat: Format.nullable()
      .default(null)
      .describe("How their folder is laid out; null in plans of earlier versions."),
    passedOver: z
      .array(FilePlace)
      .default([])
      .describe(
        "Statements of the migrations that would not be carried out, since they change nothing for a tenant; the first 50.",
      ),
    passedOverCount: z.int().default(0).describe("How many such statements there are in all."),
    seedSets: z.array(z.string()).describe("The seed sets that would be applied, in order."),
    planHash: z
      .string()
      .nullable()
      .default(null)
      .describe(
        "Identifies the plan with all that it goes by: sent with `provisionTenant` and the same input, it is made as it was planned, or refused with `E_PLAN_STALE`. Null in plans of earlier versions.",
      ),
    laboratory: z
      .string()
      .nullable()
      .default(null)
      .describe(
        "The first laboratory that was asked for; null where none was, and in plans of earlier versions.",
      ),
    firstAdmin: z.string().nullable().default(null).meta({
      description:
        "The email of the first administrator who was asked for; null where none was, in plans of earlier versions, and for roles without `member:read`.",
      needs: "member:read",
    }),
  },
);

const SeedRows = describedObject("SeedRows", "How many rows came from one seed set.", {
  set: z.string().describe("The seed set's name."),
  rows: z.int().describe("How many rows it added."),
});

export const ProvisionSummary = describedObject(
  "ProvisionSummary",
  "What a provisioned tenant consists of, as it was verified.",
  {
    tenantId: z.uuid().describe("The tenant's UUID."),
    dbServer: z.string().describe("The name of the db server it is placed on."),
    database: z.string().describe("The database that holds the schema."),
    schema: z.string().describe("The schema's name."),
    tables: z.int().describe("How many tables the schema has."),
    migrationsApplied: z.int().describe("How many migrations were applied."),
    schemaVersion: z
      .string()
      .nullable()
      .describe("The last migration applied; null when there are no migrations."),
    seedRows: z.array(SeedRows).describe("The rows that came from seed sets."),
    roleLogin: z
      .boolean()
      .describe("Whether the application's role logged in with the stored secret."),
    credential: FirstAdminCredential.nullable()
      .default(null)
      .describe("How the first administrator gets in; null where none was asked for."),
  },
);

const NOBODY = "none: `tenantry tenant invitation send` brings people";

/** What a provisioned tenant consists of, for a person. */
export function summaryShown(summary: Described<typeof ProvisionSummary>): Labelled {
  const seeds = summary.seedRows.map(({ set, rows }) => `${set} ${rows} rows`);
  return [
    ["tenant id", summary.tenantId],
    ["placed on", `${summary.dbServer}, database ${summary.database}, schema ${summary.schema}`],
    ["tables", String(summary.tables)],
    [
      "migrations",
      `${summary.migrationsApplied} applied, up to ${summary.schemaVersion ?? "none"}`,
    ],
    ["seeds", seeds.join(", ") || "none"],
    ["role login", summary.roleLogin ? "works" : "does not work"],
    ...row("first admin", summary.credential === null && NOBODY),
  ];
}

type Plan = Described<typeof ProvisionPlan>;

/** What provisioning would make, for a person. */
export const planShown = (plan: Plan): Labelled => [
  ["placed on", `${plan.dbServer}, isolation ${plan.isolation}`],
  ["database", plan.database],
  ["schema", plan.schema],
  ["roles", `${plan.ownerRole} (owner, no login), ${plan.appRole} (application)`],
  ...row("secret", plan.secretName),
  [
    "migrations",
    plan.migrations.length === 0
      ? "none"
      : `${plan.migrations.length}, ${plan.migrations.at(0)} to ${plan.migrations.at(-1)}`,
  ],
  ...row("layout", plan.migrationFormat?.toLowerCase().replaceAll("_", "-")),
  ...passedOverShown(plan),
  ["seeds", plan.seedSets.join(", ") || "none"],
  ...row("laboratory", plan.laboratory),
  ...row("plan hash", plan.planHash),
];

/** The first few, each with its place: `tenantry migration check` has all. */
function passedOverShown({ passedOver, passedOverCount }: Plan): Labelled {
  const shown = passedOver.slice(0, 5);
  const rows = shown.map(({ file, line, statement }, index): [string, string] => [
    index === 0 ? "passed over" : "",
    `${file} line ${line}: ${statement}`,
  ]);
  const more = passedOverCount - shown.length;
  return more > 0 ? [...rows, ["", `… and ${more} more`]] : rows;
}
