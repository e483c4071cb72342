import type { ClientBase } from "pg";
import { ident } from "./sql.ts";

const UTF8 = "UTF8";

/**
 * Creates an empty database of encoding UTF8, whatever encoding and locale the server was made with.
 *
 * @param options further options of CREATE DATABASE, as SQL
 */
export async function createUtf8Database(
  client: ClientBase,
  name: string,
  options = "",
): Promise<void> {
  const locale = (await fitsUtf8(client)) ? "" : "lc_collate 'C' lc_ctype 'C'";
  await client.query(
    `create database ${ident(name)} template template0 encoding '${UTF8}' ${locale} ${options}`,
  );
}

/**
 * Whether the server's own locale can go with UTF8: it does already, it fits every encoding (C, POSIX),
 * or its name says so. Others would be refused by CREATE DATABASE; C is on every system.
 */
async function fitsUtf8(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ encoding: string; locales: string[] }>(
    `select pg_encoding_to_char(encoding) as encoding, array[datcollate, datctype]::text[] as locales
     from pg_catalog.pg_database where datname = 'template0'`,
  );
  const [found] = rows;
  if (found === undefined || found.encoding === UTF8) return true;
  return found.locales.every((locale) => /^(C|POSIX)$|\.utf-?8(@|$)/i.test(locale));
}

/**
 * Says what is wrong with a database whose encoding is not UTF8: it would count bytes as characters, or
 * lack most of them.
 *
 * @param client connected to any database of the server
 * @param database the one that is connected unless told
 * @returns null where it is UTF8, or does not exist
 */
export async function encodingFault(
  client: ClientBase,
  database: string | null = null,
): Promise<string | null> {
  const { rows } = await client.query<{ name: string; encoding: string }>(
    `select datname as name, pg_encoding_to_char(encoding) as encoding
     from pg_catalog.pg_database where datname = coalesce($1, current_database())`,
    [database],
  );
  const [found] = rows;
  if (found === undefined || found.encoding === UTF8) return null;
  return `the database ${found.name} has the encoding ${found.encoding} and must have UTF8`;
}
