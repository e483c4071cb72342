import type { ClientBase } from "pg";
import { literal } from "../database/sql.ts";
import { EXTENSIONS_SCHEMA } from "../tenant-schemas/tenant-database.ts";

/**
 * Which db server a database of tenants belongs to. Hosts do not tell: one server has many names, and
 * two platforms may call their databases the same.
 */
export interface ServerMark {
  /** The platform's id. */
  readonly platform: string;
  /** The db server's name there. */
  readonly dbServer: string;
}

const FORM = /^tenantry:platform=([^;]+);db-server=(.+)$/;

/** The mark of the connected database: the comment of a schema in it, which moves with the database. */
export async function readMark(client: ClientBase): Promise<ServerMark | null> {
  const { rows } = await client.query<{ mark: string | null }>(
    `select obj_description(oid, 'pg_namespace') as mark
     from pg_catalog.pg_namespace where nspname = $1`,
    [EXTENSIONS_SCHEMA],
  );
  const [, platform, dbServer] = FORM.exec(rows[0]?.mark ?? "") ?? [];
  return platform === undefined || dbServer === undefined ? null : { platform, dbServer };
}

/** Marks the connected database, unless it bears that mark. */
export async function writeMark(
  client: ClientBase,
  { platform, dbServer }: ServerMark,
): Promise<void> {
  const found = await readMark(client);
  if (found?.platform === platform && found.dbServer === dbServer) return;
  const mark = literal(`tenantry:platform=${platform};db-server=${dbServer}`);
  await client.query(`comment on schema ${EXTENSIONS_SCHEMA} is ${mark}`);
}
