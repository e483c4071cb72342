/** A node of PostgreSQL's parse tree: its fields by name. */
export type AstFields = Readonly<Record<string, unknown>>;

/** A statement as the parser answers it, before anything is decided about it. */
export interface ParsedStatement {
  /** As written, without the comments before it and the semicolon after it. */
  readonly text: string;
  /** The line of the file on which the statement begins, counted from 1. */
  readonly line: number;
  /** Where `text` begins in the file, in bytes of UTF-8: locations in `fields` count from the file's start. */
  readonly from: number;
  /** PostgreSQL's name of the statement's parse node: `CreateStmt`, `InsertStmt`, … */
  readonly kind: string;
  readonly fields: AstFields;
}

/** A role that a statement names; `name` is null for PUBLIC, CURRENT_USER and the like. */
export interface NamedRole {
  readonly name: string | null;
  readonly text: string;
}

/** A part of a statement: text, or what differs from tenant to tenant. */
export type Piece =
  | string
  /** The home schema before the object of this name, or by itself. */
  | { readonly home: string | null; readonly written: string }
  /** The home schema in a search_path. */
  | { readonly searchPath: string }
  /** A statement that is carried out only where schemas keep their names. */
  | { readonly native: string }
  /** CONCURRENTLY, which only a statement outside of a transaction has. */
  | { readonly concurrently: string }
  /** Roles of which those that the server lacks are left out, and what stands for none of them. */
  | { readonly roles: readonly NamedRole[]; readonly instead: string | null };

/** A setting that a file changes for its own statements. */
export interface FileSetting {
  /** Set for the timeouts, which PostgreSQL obeys only between calls: 0 is none, null the default. */
  readonly timeout: {
    readonly name: "statement_timeout" | "lock_timeout";
    readonly ms: number | null;
  } | null;
}

/** One statement of a SQL file, as it may run in a tenant schema. */
export interface SqlStatement {
  /** As written. */
  readonly text: string;
  readonly line: number;
  readonly kind: string;
  /** The text in its pieces; none where it reads alike for all tenants. */
  readonly pieces: readonly Piece[];
  /** Statements between one BEGIN and its COMMIT share it; every other has its own. */
  readonly unit: number;
  /** Whether it holds CONCURRENTLY, which PostgreSQL takes outside of a transaction only. */
  readonly outside: boolean;
  readonly setting: FileSetting | null;
  /** Whether its code ends transactions by itself. */
  readonly commits: boolean;
  /** The procedure that it calls. */
  readonly calls: string | null;
  /** The table that it makes, or that an INSERT fills; null for every other statement. */
  readonly table: string | null;
  /** What CREATE or DROP INDEX CONCURRENTLY is about, so that a second attempt can see how far it came. */
  readonly index: {
    readonly name: string;
    readonly table: string | null;
    /** Null where it is the one that names without a schema are found in. */
    readonly schema: string | null;
  } | null;
}

/** A statement that is not carried out, and why that changes nothing that matters. */
export interface PassedOver {
  readonly line: number;
  readonly text: string;
  readonly why: string;
}

/** A statement that may not run in a tenant schema. */
export interface Refusal {
  readonly line: number;
  readonly text: string;
  readonly why: string;
  /** The schemas that it asks for where only a database of the tenant's own can hold it; else null. */
  readonly needs: readonly string[] | null;
  /** Whether it does nothing where those schemas are not there. */
  readonly optional: boolean;
}

/** An extension that a file asks for. */
export interface WantedExtension {
  readonly name: string;
  readonly line: number;
}

/** A SQL file as PostgreSQL's grammar reads it, with what is to be done about each statement. */
export interface SqlFile {
  readonly statements: readonly SqlStatement[];
  readonly extensions: readonly WantedExtension[];
  readonly passedOver: readonly PassedOver[];
  /** In order; a file that has any is not applied. */
  readonly refusals: readonly Refusal[];
  /** Why it cannot be one transaction in a schema that is in use; null where it can. */
  readonly apart: { readonly line: number; readonly why: string } | null;
  /** Whether it declares a constraint that is checked at the end of a transaction. */
  readonly deferrable: boolean;
  /** Names of relations, types and functions that it makes: without a schema, and with one. */
  readonly createsBare: readonly string[];
  readonly createsQualified: readonly string[];
  /** Procedures that it creates which end transactions. */
  readonly committing: readonly string[];
  /** Schemas that it creates. */
  readonly createsSchemas: readonly string[];
  /** Whether it names the home schema. */
  readonly namesHome: boolean;
}

/** What begins the names of Tenantry's own objects in a tenant schema. */
export const RESERVED_PREFIX = "tenantry_";

/** The statement on one line, short enough for a message. */
export function excerptOf(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 120 ? `${line.slice(0, 117)}...` : line;
}

/** How many line ends `text` holds before `end`. */
export function linesBefore(text: string, end: number): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

/** What decides how the pieces of a statement read in one place. */
export interface Place {
  /** The tenant schema; null in a database of the tenant's own whose schemas keep their names. */
  readonly schema: string | null;
  /** Names of what extensions have put into the schema `ext`. */
  readonly inExtensions: ReadonlySet<string>;
  /** Names that the files make themselves, which hide those of extensions. */
  readonly created: ReadonlySet<string>;
  /** Roles that the server has. */
  readonly roles: ReadonlySet<string>;
  readonly concurrently: boolean;
}

/** The text of a statement in a place; null where none of the roles that it names is there. */
export function textIn(
  place: Place,
  { text, pieces }: Pick<SqlStatement, "text" | "pieces">,
): string | null {
  if (pieces.length === 0) return text;
  const parts: string[] = [];
  for (const piece of pieces) {
    const part = partIn(place, piece);
    if (part === null) return null;
    parts.push(part);
  }
  return parts.join("");
}

function partIn(place: Place, piece: Piece): string | null {
  if (typeof piece === "string") return piece;
  if ("native" in piece) return place.schema === null ? piece.native : null;
  if ("concurrently" in piece) return place.concurrently ? piece.concurrently : "";
  if ("searchPath" in piece)
    return place.schema === null ? piece.searchPath : `${place.schema}, ext`;
  if ("home" in piece) {
    const { home } = piece;
    if (home !== null && place.inExtensions.has(home) && !place.created.has(home)) return "ext";
    return place.schema ?? piece.written;
  }
  const there = piece.roles.filter(({ name }) => name === null || place.roles.has(name));
  return there.length === 0 ? piece.instead : there.map(({ text }) => text).join(", ");
}

/** The roles that statements name, whose presence decides how they read. */
export const rolesNamed = (statements: readonly SqlStatement[]): string[] => [
  ...new Set(
    statements.flatMap(({ pieces }) =>
      pieces.flatMap((piece) =>
        typeof piece === "object" && "roles" in piece
          ? piece.roles.flatMap(({ name }) => name ?? [])
          : [],
      ),
    ),
  ),
];
