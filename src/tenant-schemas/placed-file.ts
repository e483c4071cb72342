import type { ClientBase } from "pg";
import { DomainError } from "../kernel/domain-error.ts";
import { type Place, rolesNamed, type SqlStatement, textIn } from "../sql-files/sql-file.ts";
import type { TenantNames } from "../tenants/names.ts";
import { type MigrationFolder, refuseSharedDatabase } from "./migration-folder.ts";

/** A statement as it is sent to one tenant's database. */
export interface PlacedStatement extends Omit<SqlStatement, "pieces"> {
  readonly sql: string;
}

/** A file as it is sent to one tenant's database. */
export interface PlacedFile {
  /** The file's name for people. */
  readonly name: string;
  readonly statements: readonly PlacedStatement[];
}

/** A file with the statements that are carried out in a place: those about absent roles alone are not. */
export const placeFile = <File extends { readonly statements: readonly SqlStatement[] }>(
  file: File,
  place: Place,
): Omit<File, "statements"> & Pick<PlacedFile, "statements"> => ({
  ...file,
  statements: file.statements.flatMap(({ pieces, ...statement }) => {
    const sql = textIn(place, { text: statement.text, pieces });
    return sql === null ? [] : [{ ...statement, sql }];
  }),
});

/** What decides about the names in files, read in the tenant's database. */
interface Surroundings {
  /** Whether the database is the tenant's own. */
  readonly own: boolean;
  /** Whether the folder's own schemas lie in it. */
  readonly native: boolean;
  readonly roles: readonly string[];
  readonly shared: readonly string[];
}

type FolderFacts = Pick<MigrationFolder, "needsDatabase" | "creates">;

/**
 * Looks in which place the files of a tenant are to be read: one query, and none where nothing in them
 * differs from tenant to tenant.
 *
 * @throws DomainError E_ISOLATION_REQUIRED for a folder with schemas of its own in a shared database,
 *   E_MIGRATION_FOLDER where a tenant's tables lie in its tenant schema and a new file needs others
 */
export async function findPlace(
  client: ClientBase,
  names: TenantNames,
  folder: FolderFacts,
  statements: readonly SqlStatement[],
): Promise<Place> {
  const found = folder.needsDatabase !== null || statements.some(differs);
  const around = found ? await look(client, names, statements) : NOTHING;
  if (!around.own)
    refuseSharedDatabase(
      folder,
      "Take the named statement out, since a tenant keeps its isolation; then use `retryOperation`.",
    );
  if (!around.native && folder.needsDatabase !== null) throw outgrown(folder.needsDatabase);
  return {
    schema: around.native ? null : names.schema,
    inExtensions: new Set(around.shared),
    created: folder.creates,
    roles: new Set(around.roles),
    concurrently: true,
  };
}

const NOTHING: Surroundings = { own: false, native: false, roles: [], shared: [] };

const differs = ({ pieces }: SqlStatement): boolean =>
  pieces.some((piece) => typeof piece === "object" && !("concurrently" in piece));

const namesHome = ({ pieces }: SqlStatement): boolean =>
  pieces.some((piece) => typeof piece === "object" && "home" in piece);

async function look(
  client: ClientBase,
  names: TenantNames,
  statements: readonly SqlStatement[],
): Promise<Surroundings> {
  const { rows } = await client.query<Surroundings>(
    `select current_database() = $1 as own,
       exists (select from pg_catalog.pg_namespace where nspname = 'public'
         and pg_catalog.pg_get_userbyid(nspowner) = $2) as native,
       array(select rolname::text from pg_catalog.pg_roles where rolname = any($3)) as roles,
       array(select proname::text from pg_catalog.pg_proc where pronamespace = ext.oid
         union select typname from pg_catalog.pg_type where typnamespace = ext.oid
         union select oprname from pg_catalog.pg_operator where oprnamespace = ext.oid
         union select opcname from pg_catalog.pg_opclass where opcnamespace = ext.oid) as shared
     from (select (select oid from pg_catalog.pg_namespace where nspname = 'ext' and $4)) as ext (oid)`,
    [names.database, names.ownerRole, rolesNamed(statements), statements.some(namesHome)],
  );
  return rows[0] ?? NOTHING;
}

const outgrown = ({
  file,
  line,
  why,
}: NonNullable<MigrationFolder["needsDatabase"]>): DomainError =>
  new DomainError("E_MIGRATION_FOLDER", {
    message: `${file} line ${line}: ${why}; this tenant's tables lie in its tenant schema, and cannot go on in schemas of the folder's own`,
    migration: { file, line },
  });
