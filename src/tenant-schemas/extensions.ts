import type { ClientBase } from "pg";
import { isTransient } from "../database/faults.ts";
import { serialiseOn } from "../database/locks.ts";
import { ident } from "../database/sql.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { Migration, WantedExtension } from "./migration-folder.ts";

/**
 * Creates the extensions that migrations ask for, as the admin, in the shared schema `ext`: in a
 * tenant's own schema one extension would serve one tenant and stand in the way of all others.
 * Only trusted ones are created (PostgreSQL, `trusted` in the control file); an operator can create
 * any other in `ext` of the server's shared tenant database beforehand, and it is then used.
 *
 * @param approved those that are there, for a database of a tenant's own
 * @throws DomainError E_MIGRATION_UNSAFE naming the file that asks for one that cannot be had
 */
export async function ensureExtensions(
  client: ClientBase,
  migrations: readonly Migration[],
  approved: readonly string[] = [],
): Promise<void> {
  for (const extension of await missingExtensions(client, migrations, approved))
    await createExtension(client, extension);
}

/** The extensions that an operator has approved for all tenants of a server, by its shared tenant database. */
export async function approvedExtensions(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select e.extname as name from pg_catalog.pg_extension e
     join pg_catalog.pg_namespace n on n.oid = e.extnamespace where n.nspname = 'ext'`,
  );
  return rows.map(({ name }) => name);
}

/** An extension as the connected database and its server have it. */
interface Extension {
  readonly name: string;
  /** Where it is installed. */
  readonly schema: string | null;
  /** Null where the server does not have it. */
  readonly trusted: boolean | null;
}

/**
 * Answers the extensions that are to be created: those that migrations ask for, and the approved ones that
 * any admin may create, so that a database of a tenant's own has what the shared one has. One query, and
 * none where there is nothing to ask.
 *
 * @throws DomainError E_MIGRATION_UNSAFE naming the file that asks for one that cannot be had
 */
export async function missingExtensions(
  client: ClientBase,
  migrations: readonly Migration[],
  approved: readonly string[] = [],
): Promise<WantedExtension[]> {
  const wanted = new Map<string, WantedExtension>();
  for (const extension of migrations.flatMap(({ extensions }) => extensions))
    if (!wanted.has(extension.name)) wanted.set(extension.name, extension);
  if (wanted.size + approved.length === 0) return [];
  const { rows } = await client.query<Extension>(
    `select name, (select n.nspname from pg_catalog.pg_extension e
         join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = name) as schema,
       (select v.trusted from pg_catalog.pg_available_extensions a
         join pg_catalog.pg_available_extension_versions v
           on v.name = a.name and v.version = a.default_version
         where a.name = wanted.name) as trusted
     from unnest($1::text[]) as wanted (name)`,
    [[...new Set([...wanted.keys(), ...approved])]],
  );
  const found = new Map(rows.map((row) => [row.name, row]));
  const others = rows.filter(
    ({ name, schema, trusted }) => !wanted.has(name) && schema === null && trusted === true,
  );
  return [
    ...[...wanted.values()].filter((extension) => isMissing(extension, found, approved)),
    ...others.map(({ name }) => ({
      name,
      wantedBy: "the server's shared tenant database",
      place: null,
    })),
  ];
}

function isMissing(
  extension: WantedExtension,
  found: ReadonlyMap<string, Extension>,
  approved: readonly string[],
): boolean {
  const { schema = null, trusted = null } = found.get(extension.name) ?? {};
  if (schema === "ext" || schema === "pg_catalog") return false;
  if (schema !== null) {
    const why = `is installed in the schema ${schema}: an operator must move it to ext`;
    throw refused(extension, why);
  }
  if (trusted === null) throw refused(extension, "is not available on this server");
  if (trusted || approved.includes(extension.name)) return true;
  throw refused(
    extension,
    "is not a trusted one: an operator must create it in the schema ext of the server's shared tenant database",
  );
}

async function createExtension(client: ClientBase, extension: WantedExtension): Promise<void> {
  try {
    await client.query("begin");
    await serialiseOn(client, "extensions");
    await client.query(`create extension if not exists ${ident(extension.name)} schema ext`);
    await client.query("commit");
  } catch (cause) {
    await client.query("rollback").catch(() => undefined);
    if (isTransient(cause) || !(cause instanceof Error)) throw cause;
    throw refused(extension, `cannot be created in the schema ext: ${cause.message}`, cause);
  }
}

function refused(
  { name, wantedBy, place }: WantedExtension,
  why: string,
  cause?: Error,
): DomainError {
  return new DomainError("E_MIGRATION_UNSAFE", {
    message: `${wantedBy}: the extension "${name}" ${why}`,
    detail: { extension: name },
    ...(place === null ? {} : { migration: place }),
    ...(cause === undefined ? {} : { cause }),
  });
}
