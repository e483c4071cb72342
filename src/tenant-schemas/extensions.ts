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
 * any other in `ext` beforehand, and it is then used.
 *
 * @throws DomainError E_MIGRATION_UNSAFE naming the file that asks for one that cannot be had
 */
export async function ensureExtensions(
  client: ClientBase,
  migrations: readonly Migration[],
): Promise<void> {
  const wanted = migrations.flatMap((migration) => migration.extensions);
  if (wanted.length === 0) return;
  const { rows } = await client.query<{ name: string; schema: string }>(
    `select e.extname as name, n.nspname as schema
     from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
     where e.extname = any($1)`,
    [wanted.map(({ name }) => name)],
  );
  const schemas = new Map(rows.map((row) => [row.name, row.schema]));
  for (const extension of wanted) {
    const schema = schemas.get(extension.name);
    if (schema === undefined) {
      await createExtension(client, extension);
      schemas.set(extension.name, "ext");
    } else if (schema !== "ext" && schema !== "pg_catalog") {
      const why = `is installed in the schema ${schema}: an operator must move it to ext`;
      throw refused(extension, why);
    }
  }
}

async function createExtension(client: ClientBase, extension: WantedExtension): Promise<void> {
  const { rows } = await client.query<{ trusted: boolean }>(
    `select v.trusted from pg_catalog.pg_available_extensions a
     join pg_catalog.pg_available_extension_versions v
       on v.name = a.name and v.version = a.default_version
     where a.name = $1`,
    [extension.name],
  );
  if (rows[0] === undefined) throw refused(extension, "is not available on this server");
  if (!rows[0].trusted) {
    throw refused(extension, "is not a trusted one: an operator must create it in the schema ext");
  }
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

function refused({ name, wantedBy }: WantedExtension, why: string, cause?: Error): DomainError {
  return new DomainError("E_MIGRATION_UNSAFE", {
    message: `${wantedBy}: the extension "${name}" ${why}`,
    detail: { extension: name },
    ...(cause === undefined ? {} : { cause }),
  });
}
