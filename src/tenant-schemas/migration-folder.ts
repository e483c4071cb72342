import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DomainError, isDomainError } from "../kernel/domain-error.ts";
import {
  excerptOf,
  normaliseSql,
  parseSqlFile,
  type SqlFile,
  type SqlStatement,
  SqlSyntaxError,
} from "./sql-file.ts";
import { refusalOf, runsOutside } from "./statement-rules.ts";

/** An extension that a migration asks for. It goes to the shared schema `ext`, made by the admin. */
export interface WantedExtension {
  readonly name: string;
  /** Where it is asked for: `0001_organization.sql line 3`. */
  readonly wantedBy: string;
}

/** One tenant migration, read, parsed and found harmless. */
export interface Migration extends SqlFile {
  /** The name without `.sql`: what the ledger keeps. */
  readonly id: string;
  readonly extensions: readonly WantedExtension[];
  /** Whether it runs in a transaction; false where it holds CONCURRENTLY. */
  readonly transactional: boolean;
  /** Whether it declares a constraint that is checked at the end of a transaction. */
  readonly deferrable: boolean;
}

/** The tenant migrations of a folder, in order. */
export interface MigrationFolder {
  readonly dir: string;
  readonly migrations: readonly Migration[];
}

const NAME = /^(\d{1,14})_([A-Za-z0-9][A-Za-z0-9._-]*)$/;

/**
 * Reads `NNNN_name.sql` files, or folders of that name holding `migration.sql`, in the order of
 * their numbers. Reads the disk at each call, and parses only what has changed since the last one.
 *
 * @returns a folder without migrations when `dir` does not exist or holds none
 * @throws DomainError E_MIGRATION_UNSAFE for a statement that may not run in a tenant schema or two
 *   files of one number, E_MIGRATIONS_FAILED for a text that PostgreSQL's grammar refuses
 */
export async function openMigrationFolder(dir: string): Promise<MigrationFolder> {
  const sources = await listSqlFiles(dir);
  return { dir, migrations: await Promise.all(sources.map(openMigration)) };
}

/** Whether a migration of the folder creates a table of this name. */
export const createsTable = ({ migrations }: MigrationFolder, table: string): boolean =>
  migrations.some(({ statements }) =>
    statements.some(
      ({ kind, fields }) =>
        kind === "CreateStmt" &&
        (fields.relation as { relname?: string } | undefined)?.relname === table,
    ),
  );

interface Source {
  readonly id: string;
  readonly path: string;
}

async function listSqlFiles(dir: string): Promise<Source[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  });
  const sources: Source[] = [];
  for (const entry of entries) {
    const isFile = entry.name.endsWith(".sql") && !entry.isDirectory();
    const id = isFile ? entry.name.slice(0, -".sql".length) : entry.name;
    if (!NAME.test(id) || !(isFile || entry.isDirectory())) continue;
    sources.push({ id, path: join(dir, entry.name, ...(isFile ? [] : ["migration.sql"])) });
  }
  sources.sort((a, b) => compareIds(a.id, b.id));
  sources.forEach((source, index) => {
    const before = sources[index - 1];
    if (before !== undefined && numberOf(before.id) === numberOf(source.id)) {
      throw new DomainError("E_MIGRATION_UNSAFE", {
        message: `${before.id} and ${source.id} have the same number: give one of them another`,
      });
    }
  });
  return sources;
}

const numberOf = (id: string): bigint => BigInt(NAME.exec(id)?.[1] ?? "0");

/** Orders migration ids by their number. */
export function compareIds(a: string, b: string): number {
  const difference = numberOf(a) - numberOf(b);
  if (difference !== 0n) return difference < 0n ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

const checked = new WeakMap<SqlFile, Migration | DomainError>();

async function openMigration({ id, path }: Source): Promise<Migration> {
  const file = await readSqlFile(`${id}.sql`, path, "E_MIGRATIONS_FAILED");
  let outcome = checked.get(file);
  if (outcome === undefined) {
    outcome = check(id, file);
    checked.set(file, outcome);
  }
  if (outcome instanceof DomainError) throw outcome;
  return outcome;
}

/**
 * Reads and parses one SQL file.
 *
 * @throws DomainError of `code`, naming file and line, when PostgreSQL's grammar refuses the text
 */
export async function readSqlFile(
  name: string,
  path: string,
  code: "E_MIGRATIONS_FAILED" | "E_SEEDS_FAILED",
): Promise<SqlFile> {
  const content = normaliseSql(await readFile(path, "utf8"));
  try {
    return await parseSqlFile(name, content);
  } catch (cause) {
    if (!(cause instanceof SqlSyntaxError)) throw cause;
    const excerpt = excerptOf(content.split("\n")[cause.line - 1] ?? "");
    throw new DomainError(code, {
      message: `${name} line ${cause.line}: ${cause.message}`,
      detail: { file: name, line: cause.line, sqlstate: "42601", statement: excerpt },
      cause,
    });
  }
}

function check(id: string, file: SqlFile): Migration | DomainError {
  try {
    for (const statement of file.statements) {
      const refusal = refusalOf(statement);
      if (refusal !== undefined) throw unsafe(file.name, statement, refusal);
    }
    const statements = file.statements.filter(({ kind }) => kind !== "CreateExtensionStmt");
    return {
      ...file,
      id,
      statements,
      extensions: extensionsOf(file),
      transactional: isTransactional(file.name, statements),
      deferrable: statements.some((statement) => DEFERRABLE.test(JSON.stringify(statement.fields))),
    };
  } catch (error) {
    if (isDomainError(error)) return error;
    throw error;
  }
}

const DEFERRABLE = /"deferrable":true|"CONSTR_ATTR_DEFERRABLE"/;

function isTransactional(file: string, statements: readonly SqlStatement[]): boolean {
  const outside = statements.filter(runsOutside);
  const inside = statements.find((statement) => !runsOutside(statement));
  if (outside.length === 0) return true;
  if (inside === undefined) {
    const drop = outside.find(({ kind, fields }) => kind === "DropStmt" && !fields.missing_ok);
    if (drop === undefined) return false;
    throw unsafe(file, drop, "DROP INDEX CONCURRENTLY needs IF EXISTS, so that it can be repeated");
  }
  const why = "a file that holds CONCURRENTLY runs outside a transaction and may hold nothing else";
  throw unsafe(file, inside, why);
}

function extensionsOf(file: SqlFile): WantedExtension[] {
  return file.statements
    .filter(({ kind }) => kind === "CreateExtensionStmt")
    .map(({ fields, line }) => ({
      name: String(fields.extname),
      wantedBy: `${file.name} line ${line}`,
    }));
}

/** The refusal of a statement, naming file, line and statement. */
function unsafe(file: string, { line, text }: SqlStatement, why: string): DomainError {
  return new DomainError("E_MIGRATION_UNSAFE", {
    message: `${file} line ${line}: ${why}`,
    detail: { file, line, statement: excerptOf(text) },
  });
}
