import { z } from "zod";
import { type Described, describedObject } from "../../kernel/described.ts";
import { type DomainError, isDomainError } from "../../kernel/domain-error.ts";
import {
  Format,
  LeftOut,
  type MigrationSettings,
} from "../../migration-folders/migration-source.ts";
import { excerptOf } from "../../sql-files/sql-file.ts";
import {
  type FileRefusal,
  type Migration,
  type ReadMigrations,
  readMigrations,
} from "../../tenant-schemas/migration-folder.ts";
import { Isolation } from "../../tenants/names.ts";
import { insteadOf } from "./instead.ts";

export const FilePlace = describedObject(
  "MigrationFilePlace",
  "A statement of a migration file, and what there is to say of it.",
  {
    file: z.string().describe("The file, below the folder."),
    line: z.int().describe("Its line, counted from 1."),
    statement: z.string().describe("The statement on one line, cut where it is long."),
    why: z.string().describe("What there is to say of it, for people."),
  },
);
export type FilePlace = Described<typeof FilePlace>;

const CheckRefusal = describedObject(
  "MigrationRefusal",
  "Something that keeps a folder of migrations from being applied.",
  {
    file: z
      .string()
      .nullable()
      .describe("The file, below the folder; null where it is the folder as a whole."),
    line: z
      .int()
      .nullable()
      .describe("The line, counted from 1; null where it is the folder as a whole."),
    statement: z
      .string()
      .nullable()
      .describe("The statement on one line, cut where it is long; null as `line` is."),
    why: z.string().describe("Why it is refused, for people."),
    instead: z
      .string()
      .nullable()
      .describe("What to write instead, for people; null where there is nothing general to say."),
  },
);
export type CheckRefusal = Described<typeof CheckRefusal>;

const CheckedMigration = describedObject(
  "CheckedMigration",
  "A migration as it would be applied.",
  {
    id: z.string().meta({
      description: "What a tenant's ledger calls it.",
      apiName: "migration",
    }),
    file: z.string().describe("Its file, below the folder."),
    transactional: z
      .boolean()
      .describe("Whether it is one transaction in the schema of a tenant in use."),
    apartBecause: z
      .string()
      .nullable()
      .describe("Why it is none, with the line; null where it is one."),
  },
);

const MigrationExtension = describedObject(
  "MigrationExtension",
  "An extension that db servers have to have.",
  {
    name: z.string().describe("Its name: `citext`."),
    wantedBy: z.string().describe("Where it is first asked for: `0001_first.sql line 3`."),
  },
);

export const MigrationCheck = describedObject(
  "MigrationCheck",
  "What is known of the folder of tenant migrations without a database.",
  {
    dir: z.string().describe("The folder, on the service's machine."),
    format: Format.nullable().describe("Its layout; null where it could not be read."),
    home: z
      .string()
      .nullable()
      .describe(
        "What the tenant's schema is called in the files: `public`. Null where the folder could not be read.",
      ),
    isolation: Isolation.nullable().describe(
      "DATABASE where tenants need that isolation; SCHEMA where they can have either. Null where the folder could not be read.",
    ),
    isolationBecause: FilePlace.nullable().describe(
      "The first statement that needs isolation DATABASE; null where none does.",
    ),
    migrations: z
      .array(CheckedMigration)
      .describe("The migrations, in the order in which they are applied."),
    leftOut: z.array(LeftOut).describe("Every other file of the folder."),
    passedOver: z
      .array(FilePlace)
      .describe("Statements that are not carried out, since they change nothing for a tenant."),
    extensions: z.array(MigrationExtension).describe("The extensions that the files ask for."),
    refusals: z
      .array(CheckRefusal)
      .describe("What must be changed before it can be applied, in order; empty where it can be."),
  },
);
export type MigrationCheck = Described<typeof MigrationCheck>;

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
    dir,
    format,
    home,
    leftOut,
    isolation: needsDatabase === null ? "SCHEMA" : "DATABASE",
    isolationBecause: needsDatabase && placeOf(needsDatabase),
    migrations: migrations.map(({ id, name: file, apart }) => ({
      id,
      file,
      transactional: apart === null,
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
    dir,
    format: null,
    home: null,
    isolation: null,
    isolationBecause: null,
    migrations: [],
    leftOut: [],
    passedOver: [],
    extensions: [],
    refusals: [refusal],
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
