import { type DomainError, isDomainError } from "../../kernel/domain-error.ts";
import type {
  Format,
  LeftOut,
  MigrationSettings,
} from "../../migration-folders/migration-source.ts";
import { excerptOf } from "../../sql-files/sql-file.ts";
import {
  type FileRefusal,
  type Migration,
  type ReadMigrations,
  readMigrations,
} from "../../tenant-schemas/migration-folder.ts";
import type { Isolation } from "../../tenants/names.ts";
import { insteadOf } from "./instead.ts";

/** A place in a migration file. */
export interface FilePlace {
  readonly file: string;
  readonly line: number;
  /** The statement on one line, cut where it is long. */
  readonly statement: string;
  readonly why: string;
}

/** What keeps a folder from being applied; file, line and statement are null where it is the folder. */
export interface CheckRefusal {
  readonly file: string | null;
  readonly line: number | null;
  readonly statement: string | null;
  readonly why: string;
  /** What to write instead; null where that is for whoever wrote it to say. */
  readonly instead: string | null;
}

/** One migration as it would be applied. */
export interface CheckedMigration {
  readonly id: string;
  readonly file: string;
  /** Whether it is one transaction in a schema that is in use. */
  readonly transactional: boolean;
  /** Why it is not; null where it is. */
  readonly apartBecause: string | null;
}

/** What is known of a migration folder without a database. */
export interface MigrationCheck {
  readonly dir: string;
  /** Null for a folder that could not be read. */
  readonly format: Format | null;
  /** What the tenant's schema is called in the files; null for a folder that could not be read. */
  readonly home: string | null;
  /** SCHEMA: tenants can have either isolation. Null for a folder that could not be read. */
  readonly isolation: Isolation | null;
  /** Where the files first ask for a database of the tenant's own; null: nowhere. */
  readonly isolationBecause: FilePlace | null;
  /** In the order in which they are applied. */
  readonly migrations: readonly CheckedMigration[];
  readonly leftOut: readonly LeftOut[];
  /** Statements that are not carried out. */
  readonly passedOver: readonly FilePlace[];
  /** Those that the db server has to have. */
  readonly extensions: readonly { readonly name: string; readonly wantedBy: string }[];
  /** In order; empty for a folder that can be applied. */
  readonly refusals: readonly CheckRefusal[];
}

/**
 * Says what would become of a migration folder: reads it whole, and makes nothing. What speaks against
 * it is part of the answer, so that nothing is thrown for it.
 */
export async function checkMigrations(settings: MigrationSettings): Promise<MigrationCheck> {
  try {
    return checkOf(await readMigrations(settings));
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return unreadable(settings, error);
  }
}

/** The check of a folder that was read. */
function checkOf(folder: ReadMigrations): MigrationCheck {
  const { dir, format, home, migrations, leftOut, needsDatabase, refusals } = folder;
  return {
    ...{ dir, format, home, leftOut },
    isolation: needsDatabase === null ? "SCHEMA" : "DATABASE",
    isolationBecause: needsDatabase && placeOf(needsDatabase),
    migrations: migrations.map(({ id, name: file, apart }) => ({
      ...{ id, file, transactional: apart === null },
      apartBecause: apart && `line ${apart.line}: ${apart.why}`,
    })),
    passedOver: passedOverIn(migrations),
    extensions: extensionsOf(migrations),
    refusals: refusals.map((refusal) => {
      const place = placeOf(refusal);
      return { ...place, instead: insteadOf(place) };
    }),
  };
}

/** The statements of some migrations that are not carried out. */
export const passedOverIn = (migrations: readonly Migration[]): FilePlace[] =>
  migrations.flatMap(({ name: file, passedOver }) =>
    passedOver.map(({ line, text, why }) => ({ file, line, statement: shown(text), why })),
  );

/** A statement as people are shown it: a role's password is none of their business. */
const shown = (statement: string): string =>
  excerptOf(statement.replace(/(\bpassword\s+)e?'(?:[^']|'')*'/gi, "$1'…'"));

function unreadable({ dir }: MigrationSettings, { message }: DomainError): MigrationCheck {
  const refusal = { file: null, line: null, statement: null, why: message, instead: null };
  return {
    ...{ dir, format: null, home: null, isolation: null, isolationBecause: null },
    ...{ migrations: [], leftOut: [], passedOver: [], extensions: [], refusals: [refusal] },
  };
}

/** An error's message names its place, which has fields of its own here. */
function placeOf({ file, line, statement, why }: FileRefusal): FilePlace {
  const place = `${file} line ${line}: `;
  return {
    file,
    line,
    statement: shown(statement),
    why: why.startsWith(place) ? why.slice(place.length) : why,
  };
}

/** Each extension once, with the file that asks for it first. */
function extensionsOf(migrations: readonly Migration[]): MigrationCheck["extensions"] {
  const first = new Map<string, { name: string; wantedBy: string }>();
  for (const wanted of migrations.flatMap(({ extensions }) => extensions))
    if (!first.has(wanted.name)) first.set(wanted.name, wanted);
  return [...first.values()];
}
