import { DomainError, isDomainError } from "../kernel/domain-error.ts";
import { ERROR_CODES } from "../kernel/error-codes.ts";
import type {
  Format,
  LeftOut,
  MigrationSettings,
  MigrationSource,
} from "../migration-folders/migration-source.ts";
import { readFolder } from "../migration-folders/read-folder.ts";
import { compileFile } from "../sql-files/compiler.ts";
import { excerptOf, type Refusal, type SqlFile, type SqlStatement } from "../sql-files/sql-file.ts";

/** An extension that a migration asks for. It goes to the shared schema `ext`, made by the admin. */
export interface WantedExtension {
  readonly name: string;
  /** Where it is asked for: `0001_organization.sql line 3`. */
  readonly wantedBy: string;
  /** The same, where that is a file. */
  readonly place: { readonly file: string; readonly line: number } | null;
}

/** One tenant migration, read, parsed and found harmless. */
export interface Migration
  extends Pick<MigrationSource, "id" | "sha256" | "repeatable" | "replaces">,
    Pick<SqlFile, "statements" | "passedOver" | "apart" | "deferrable"> {
  /** The file's name for people: `0001_organization.sql`. */
  readonly name: string;
  readonly extensions: readonly WantedExtension[];
}

/** The tenant migrations of a folder, in order, and what is known of the whole. */
export interface MigrationFolder {
  readonly dir: string;
  readonly format: Format;
  /** What the tenant's schema is called in the files. */
  readonly home: string;
  readonly migrations: readonly Migration[];
  readonly leftOut: readonly LeftOut[];
  /** Where the files first ask for what only a database of the tenant's own can hold; null: nowhere. */
  readonly needsDatabase: FileRefusal | null;
  /** Names that the files make, which hide those of extensions. */
  readonly creates: ReadonlySet<string>;
}

/** A place in a migration file that is refused. */
export interface FileRefusal {
  readonly file: string;
  readonly line: number;
  readonly statement: string;
  readonly why: string;
  readonly error: DomainError;
}

/** A folder and everything in its files that keeps it from being applied, in order. */
export interface ReadMigrations extends MigrationFolder {
  readonly refusals: readonly FileRefusal[];
}

/**
 * Opens a folder of tenant migrations, whatever tool wrote it. Reads the disk at each call, and compiles
 * only what has changed since the last one.
 *
 * @throws DomainError E_MIGRATION_FOLDER for a folder that cannot be read whole, E_MIGRATION_UNSAFE for a
 *   statement that may not run in a tenant schema, E_MIGRATIONS_FAILED for a text that PostgreSQL's grammar
 *   refuses: always the first in order
 */
export async function openMigrationFolder(settings: MigrationSettings): Promise<MigrationFolder> {
  const { refusals, ...folder } = await readMigrations(settings);
  const [first] = refusals;
  if (first !== undefined) throw first.error;
  return folder;
}

/**
 * Reads a folder with all that speaks against it.
 *
 * @throws DomainError E_MIGRATION_FOLDER
 */
export async function readMigrations(settings: MigrationSettings): Promise<ReadMigrations> {
  const read = await readFolder(settings);
  const told = settings.schema;
  // Beside a schema that is told, `public` is where extensions lie.
  const guess = await compileAll(read.migrations, told === null ? ["public"] : [told, "public"]);
  const own = told === null ? ownSchemaOf(guess) : null;
  const compiled = own === null ? guess : await compileAll(read.migrations, [own]);
  const created = new Set(compiled.flatMap(({ file }) => file?.createsSchemas ?? []));
  const { hard, soft } = sort(compiled, created);
  const committing = new Set(compiled.flatMap(({ file }) => file?.committing ?? []));
  return {
    dir: read.dir,
    format: read.format,
    leftOut: read.leftOut,
    home: own ?? told ?? "public",
    migrations: compiled.flatMap(({ source, file }) =>
      file ? [withCommits(migrationOf(source, file), committing)] : [],
    ),
    needsDatabase: soft[0] ?? null,
    refusals: hard,
    creates: new Set(
      compiled.flatMap(({ file }) => (file ? [...file.createsBare, ...file.createsQualified] : [])),
    ),
  };
}

interface Compiled {
  readonly source: MigrationSource;
  /** Null where the text is refused as a whole. */
  readonly file: SqlFile | null;
  readonly error: DomainError | null;
}

async function compileAll(
  sources: readonly MigrationSource[],
  homes: readonly string[],
): Promise<Compiled[]> {
  return await Promise.all(
    sources.map(async (source): Promise<Compiled> => {
      try {
        const request = { text: source.text, kind: "MIGRATION", homes } as const;
        const file = await compileFile(source.file, request, "E_MIGRATIONS_FAILED");
        return { source, file, error: null };
      } catch (error) {
        if (!isDomainError(error)) throw error;
        return { source, file: null, error };
      }
    }),
  );
}

/**
 * The one schema that the files create, where they do not name `public`: it is the tenant's, and so is
 * what they create without a schema, unless one name is created both ways.
 */
function ownSchemaOf(compiled: readonly Compiled[]): string | null {
  const created = new Set(compiled.flatMap(({ file }) => file?.createsSchemas ?? []));
  const [only] = created;
  if (created.size !== 1 || only === undefined || only === "public") return null;
  const bare = new Set(compiled.flatMap(({ file }) => file?.createsBare ?? []));
  const twice = ({ file }: Compiled) => file?.createsQualified.some((name) => bare.has(name));
  return compiled.some((each) => each.file?.namesHome || twice(each)) ? null : only;
}

/** Refusals that hold everywhere, and those that a database of the tenant's own lifts. */
function sort(compiled: readonly Compiled[], created: ReadonlySet<string>) {
  const hard: FileRefusal[] = [];
  const soft: FileRefusal[] = [];
  const everywhere = new Set([...created, "public"]);
  for (const { source, file, error } of compiled) {
    if (error !== null) hard.push(refusalOfError(source, error));
    for (const refusal of file?.refusals ?? []) {
      const missing = refusal.needs?.find((schema) => !everywhere.has(schema));
      if (refusal.optional && missing !== undefined) continue;
      const lifted = refusal.needs !== null && missing === undefined;
      (lifted ? soft : hard).push(refusalIn(source, refusal, missing));
    }
  }
  return { hard, soft };
}

function refusalIn(
  { file }: MigrationSource,
  { line, text, why }: Refusal,
  missing: string | undefined,
): FileRefusal {
  const statement = excerptOf(text);
  const hint =
    missing === undefined
      ? ""
      : `; no file creates it (if it is what the tenant's schema is called in these files, set TENANT_MIGRATIONS_SCHEMA=${missing})`;
  const message = `${file} line ${line}: ${why}${hint}`;
  const error = new DomainError("E_MIGRATION_UNSAFE", {
    message,
    migration: { file, line, statement },
  });
  return { file, line, statement, why: why + hint, error };
}

function refusalOfError({ file }: MigrationSource, error: DomainError): FileRefusal {
  const { line, statement } = error.migration ?? {};
  return { file, line: line ?? 1, statement: statement ?? "", why: error.message, error };
}

const migrations = new WeakMap<SqlFile, Migration>();

/** The same object for the same file, so that what did not change can be told. */
function migrationOf(source: MigrationSource, file: SqlFile): Migration {
  const known = migrations.get(file);
  if (known?.id === source.id && known.sha256 === source.sha256) return known;
  const { id, file: name, sha256, repeatable, replaces, transactional } = source;
  const { statements, passedOver, deferrable } = file;
  const told = { line: 1, why: "its tool runs it outside of a transaction" };
  const migration = {
    id,
    name,
    sha256,
    repeatable,
    replaces,
    statements,
    passedOver,
    deferrable,
    apart: file.apart ?? (transactional ? null : told),
    extensions: file.extensions.map((wanted) => ({
      name: wanted.name,
      wantedBy: `${name} line ${wanted.line}`,
      place: { file: name, line: wanted.line },
    })),
  };
  migrations.set(file, migration);
  return migration;
}

/** A migration that calls what commits by itself is told so: the procedure may be of another file. */
function withCommits(migration: Migration, committing: ReadonlySet<string>): Migration {
  const commits = ({ commits, calls }: SqlStatement) => commits || committing.has(calls ?? "");
  const first = migration.statements.find(commits);
  if (first === undefined) return migration;
  const why = "its code commits by itself";
  const statements = migration.statements.map((each) => ({ ...each, commits: commits(each) }));
  return { ...migration, statements, apart: migration.apart ?? { line: first.line, why } };
}

/** Whether a migration of the folder creates a table of this name. */
export const createsTable = ({ migrations }: MigrationFolder, table: string): boolean =>
  migrations.some(({ statements }) =>
    statements.some((statement) => statement.kind === "CreateStmt" && statement.table === table),
  );

/**
 * Refuses a folder that needs a database for each tenant where the tenant has none of its own.
 *
 * @param nextAction what helps; for a tenant that is still to be made, another isolation
 * @throws DomainError E_ISOLATION_REQUIRED with the place that asks for it
 */
export function refuseSharedDatabase(
  { needsDatabase }: Pick<MigrationFolder, "needsDatabase">,
  nextAction: string = ERROR_CODES.E_ISOLATION_REQUIRED.nextAction,
): void {
  if (needsDatabase === null) return;
  const { file, line, why, statement } = needsDatabase;
  throw new DomainError("E_ISOLATION_REQUIRED", {
    message: `${file} line ${line}: ${why} in a shared database; the folder needs isolation DATABASE`,
    nextAction,
    migration: { file, line, statement },
  });
}

/** The id of the last migration of a folder, those aside that are applied again and again. */
export const newestOf = (
  migrations: readonly Pick<Migration, "id" | "repeatable">[],
): string | null => migrations.findLast(({ repeatable }) => !repeatable)?.id ?? null;
