import { z } from "zod";
import { type Described, describedEnum, describedObject } from "../kernel/described.ts";
/**
 * The layouts that are understood, each named after the tool that writes it. NONE is no layout: tenants
 * are meant to have no tables.
 */
export const Format = describedEnum(
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
export type Format = z.infer<typeof Format>;
export const FORMATS = Format.options;

/** Where the tenant migrations lie, and what the operator says of them. */
export interface MigrationSettings {
  readonly dir: string;
  /** Their layout; null: recognised. */
  readonly format: Format | null;
  /** What the tenant's schema is called in the files; null: `public`, or the one schema that they create. */
  readonly schema: string | null;
  /**
   * Values of placeholders: a name (letters, digits, then also `.`, `:` and `-`) stands for `${name}`, any other
   * key for its own text.
   */
  readonly placeholders: Readonly<Record<string, string>>;
  /** The longest statement_timeout and lock_timeout that a file may ask for. */
  readonly longestTimeoutMs: number;
}

/** A folder of which nothing is said but where it lies. */
export const settingsFor = (dir: string): MigrationSettings => ({
  dir,
  format: null,
  schema: null,
  placeholders: {},
  longestTimeoutMs: 3_600_000,
});

/** One migration as its folder has it: what its tool would apply, and how. */
export interface MigrationSource {
  /** What the ledger keeps: the file's or folder's name, without what all have in common. */
  readonly id: string;
  /** The file below the folder, with `/`: `20240101000000_init/migration.sql`. */
  readonly file: string;
  /**
   * The text that is applied, with LF and without a byte order mark. What the tool does not apply is
   * blank, so that a line has its number in the file.
   */
  readonly text: string;
  /** sha256 of the whole file as it lies there, hexadecimal; a byte order mark and CRLF do not count. */
  readonly sha256: string;
  /** Whether the tool wraps it in a transaction, unless it says so itself. */
  readonly transactional: boolean;
  /** Applied again whenever its checksum changes, after all others: Flyway's `R__`. */
  readonly repeatable: boolean;
  /** The ids that it stands for in a schema that has none of them: Flyway's `B`. */
  readonly replaces: readonly string[];
}

export const LeftOut = describedObject(
  "MigrationFileLeftOut",
  "A file of the folder that is not applied.",
  {
    file: z.string().describe("The file, below the folder."),
    why: z.string().describe("Why it is not applied: `down script`."),
  },
);
export type LeftOut = Described<typeof LeftOut>;

/** A folder that was read whole: each of its files is a migration or left out for a reason. */
export interface ReadFolder {
  readonly dir: string;
  readonly format: Format;
  /** In the order in which the tool applies them. */
  readonly migrations: readonly MigrationSource[];
  readonly leftOut: readonly LeftOut[];
}
