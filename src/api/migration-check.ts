import type { Format, LeftOut } from "../migration-folders/migration-source.ts";
import {
  type CheckedMigration,
  type CheckRefusal,
  checkMigrations,
  type FilePlace,
  type MigrationCheck,
} from "../operations/migration-check/check-migrations.ts";
import { builder } from "./builder.ts";
import { describedEnum } from "./described-enum.ts";
import { IsolationRef } from "./tenants/tenants.ts";

export const MigrationFormatRef = describedEnum<Format>(
  "MigrationFormat",
  "How a folder of migrations is laid out: the tool that wrote it.",
  {
    PLAIN: "Files of SQL with a number at the start of their names: `0001_first.sql`.",
    PRISMA: "Prisma: a folder with `migration.sql` for each migration.",
    DRIZZLE: "Drizzle: files in the order of `meta/_journal.json`.",
    FLYWAY: "Flyway: `V1__first.sql`, with repeatable `R__` files and baselines.",
    GOLANG_MIGRATE: "golang-migrate and sqlx: `0001_first.up.sql`, with or without `.down.sql`.",
    GOOSE: "goose: files with `-- +goose Up`.",
    DBMATE: "dbmate: files with `-- migrate:up`.",
    SQL_MIGRATE: "sql-migrate: files with `-- +migrate Up`.",
    DIESEL: "Diesel: a folder with `up.sql` for each migration.",
    HASURA: "Hasura: a folder with `up.sql` for each migration, named by its timestamp.",
    LIQUIBASE: "Liquibase: files of SQL with `--changeset` lines.",
    NODE_PG_MIGRATE: "node-pg-migrate: files with `-- Up Migration`.",
    SQITCH: "Sqitch: scripts in the order of `sqitch.plan`.",
    DUMP: "A single file that pg_dump wrote.",
    NONE: "No migrations: tenants are meant to have no tables.",
  },
);

export const FilePlaceRef = builder.objectRef<FilePlace>("MigrationFilePlace").implement({
  description: "A statement of a migration file, and what there is to say of it.",
  fields: (t) => ({
    file: t.exposeString("file", { description: "The file, below the folder." }),
    line: t.exposeInt("line", { description: "Its line, counted from 1." }),
    statement: t.exposeString("statement", {
      description: "The statement on one line, cut where it is long.",
    }),
    why: t.exposeString("why", { description: "What there is to say of it, for people." }),
  }),
});

const RefusalRef = builder.objectRef<CheckRefusal>("MigrationRefusal").implement({
  description: "Something that keeps a folder of migrations from being applied.",
  fields: (t) => ({
    file: t.exposeString("file", {
      nullable: true,
      description: "The file, below the folder; null where it is the folder as a whole.",
    }),
    line: t.exposeInt("line", {
      nullable: true,
      description: "The line, counted from 1; null where it is the folder as a whole.",
    }),
    statement: t.exposeString("statement", {
      nullable: true,
      description: "The statement on one line, cut where it is long; null as `line` is.",
    }),
    why: t.exposeString("why", { description: "Why it is refused, for people." }),
    instead: t.exposeString("instead", {
      nullable: true,
      description: "What to write instead, for people; null where there is nothing general to say.",
    }),
  }),
});

const CheckedMigrationRef = builder.objectRef<CheckedMigration>("CheckedMigration").implement({
  description: "A migration as it would be applied.",
  fields: (t) => ({
    id: t.exposeString("id", { description: "What a tenant's ledger calls it." }),
    file: t.exposeString("file", { description: "Its file, below the folder." }),
    transactional: t.exposeBoolean("transactional", {
      description: "Whether it is one transaction in the schema of a tenant in use.",
    }),
    apartBecause: t.exposeString("apartBecause", {
      nullable: true,
      description: "Why it is none, with the line; null where it is one.",
    }),
  }),
});

const LeftOutRef = builder.objectRef<LeftOut>("MigrationFileLeftOut").implement({
  description: "A file of the folder that is not applied.",
  fields: (t) => ({
    file: t.exposeString("file", { description: "The file, below the folder." }),
    why: t.exposeString("why", { description: "Why it is not applied: `down script`." }),
  }),
});

const ExtensionRef = builder
  .objectRef<MigrationCheck["extensions"][number]>("MigrationExtension")
  .implement({
    description: "An extension that db servers have to have.",
    fields: (t) => ({
      name: t.exposeString("name", { description: "Its name: `citext`." }),
      wantedBy: t.exposeString("wantedBy", {
        description: "Where it is first asked for: `0001_first.sql line 3`.",
      }),
    }),
  });

const MigrationCheckRef = builder.objectRef<MigrationCheck>("MigrationCheck").implement({
  description: "What is known of the folder of tenant migrations without a database.",
  fields: (t) => ({
    dir: t.exposeString("dir", { description: "The folder, on the service's machine." }),
    format: t.expose("format", {
      type: MigrationFormatRef,
      nullable: true,
      description: "Its layout; null where it could not be read.",
    }),
    home: t.exposeString("home", {
      nullable: true,
      description:
        "What the tenant's schema is called in the files: `public`. Null where the folder could not be read.",
    }),
    isolation: t.expose("isolation", {
      type: IsolationRef,
      nullable: true,
      description:
        "DATABASE where tenants need that isolation; SCHEMA where they can have either. Null where the folder could not be read.",
    }),
    isolationBecause: t.expose("isolationBecause", {
      type: FilePlaceRef,
      nullable: true,
      description: "The first statement that needs isolation DATABASE; null where none does.",
    }),
    migrations: t.field({
      type: [CheckedMigrationRef],
      description: "The migrations, in the order in which they are applied.",
      resolve: ({ migrations }) => [...migrations],
    }),
    leftOut: t.field({
      type: [LeftOutRef],
      description: "Every other file of the folder.",
      resolve: ({ leftOut }) => [...leftOut],
    }),
    passedOver: t.field({
      type: [FilePlaceRef],
      description: "Statements that are not carried out, since they change nothing for a tenant.",
      resolve: ({ passedOver }) => [...passedOver],
    }),
    extensions: t.field({
      type: [ExtensionRef],
      description: "The extensions that the files ask for.",
      resolve: ({ extensions }) => [...extensions],
    }),
    refusals: t.field({
      type: [RefusalRef],
      description:
        "What must be changed before it can be applied, in order; empty where it can be.",
      resolve: ({ refusals }) => [...refusals],
    }),
  }),
});

builder.queryField("migrationCheck", (t) =>
  t.field({
    type: MigrationCheckRef,
    description:
      "Reads the service's folder of tenant migrations and says what would become of it: order, isolation, and whatever is refused. Makes nothing and asks no db server. For administrators.",
    authScopes: { action: "migration:check" },
    resolve: (_root, _args, { platform }) => checkMigrations(platform.config.tenantMigrations),
  }),
);
