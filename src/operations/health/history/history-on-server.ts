import type { ClientBase } from "pg";
import type { NotedLink } from "../../../audit/lost-history.ts";
import { sqlStateOf } from "../../../database/faults.ts";
import { CONTROL_SCHEMA } from "../../../database/fence.ts";
import type { DbServer } from "../../../placement/db-server.entity.ts";
import type { ServerConnections } from "../../../placement/server-connections.ts";
import { type Noted, NotedLinks, type NotedPlace } from "./noted-place.ts";

/** The shared tenant database of a db server, in which the head is noted beside the fences. */
export function historyOnServer(
  servers: ServerConnections,
  server: DbServer,
  platformId: string,
): NotedPlace {
  return {
    name: `db server '${server.name}'`,
    visit: (next) =>
      servers.asAdmin(server, server.tenantDatabase, async (client) => {
        const { text, ...noted } = await read(client, platformId);
        const links = await next(noted);
        if (links !== null) await write(client, platformId, text, links);
      }),
  };
}

interface Row {
  readonly links: string | null;
  readonly token: string | null;
}

async function read(
  client: ClientBase,
  platformId: string,
): Promise<Noted & { text: string | null }> {
  const [links] = await rowsOf(client, `select links::text from ${TABLE} where platform = $1`, [
    platformId,
  ]);
  const [fence] = await rowsOf(
    client,
    `select max(token)::text as token from ${CONTROL_SCHEMA}.fence`,
  );
  const parsed = NotedLinks.safeParse(JSON.parse(links?.links ?? "[]"));
  return {
    links: parsed.success ? parsed.data : [],
    token: Number(fence?.token ?? 0),
    text: links?.links ?? null,
  };
}

/** None from a table that nobody has made yet. */
async function rowsOf(client: ClientBase, query: string, params: string[] = []): Promise<Row[]> {
  try {
    return (await client.query<Row>(query, params)).rows;
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Notes links where still stands what was read: another process may have noted more. */
async function write(
  client: ClientBase,
  platformId: string,
  before: string | null,
  links: readonly NotedLink[],
): Promise<void> {
  const note = () =>
    client.query(
      `insert into ${TABLE} as noted (platform, links) values ($1, $2)
       on conflict (platform) do update set links = excluded.links where noted.links = $3::jsonb`,
      [platformId, JSON.stringify(links), before],
    );
  try {
    await note();
  } catch (error) {
    if (!isMissing(error)) throw error;
    await client.query(MAKE_TABLE);
    await note();
  }
}

const isMissing = (error: unknown): boolean => ["42P01", "3F000"].includes(sqlStateOf(error) ?? "");

const TABLE = `${CONTROL_SCHEMA}.audit_head`;

/** One transaction. On a Citus cluster the table stays on the coordinator. */
const MAKE_TABLE = `
  select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('tenantry:fences', 0));
  set local citus.enable_schema_based_sharding = off;
  create schema if not exists ${CONTROL_SCHEMA};
  create table if not exists ${TABLE} (platform text primary key, links jsonb not null)`;
