import type pg from "pg";
import type { Platform } from "../../src/platform.ts";

/** What a snapshot looks at. */
export interface Place {
  readonly platform: Platform;
  /** A superuser's session in the platform database. */
  readonly sql: pg.Client;
  /** One in the shared tenant database. */
  readonly tenants: pg.Client;
  /** Every value that a secret has had, oldest first, the newest last; none where it is not there. */
  valuesOf(secretName: string): Promise<string[]>;
  /** Names of all secrets that are there, be they deleted and recoverable. */
  secretNames(): Promise<string[]>;
}

/** What a query answers. */
export const rows = async <T extends pg.QueryResultRow>(
  client: pg.Client,
  sql: string,
  values: unknown[] = [],
) => (await client.query<T>(sql, values)).rows;

/** The column `line` of what a query answers. */
export const lines = async (
  client: pg.Client,
  sql: string,
  values: unknown[] = [],
): Promise<string[]> => (await rows<{ line: string }>(client, sql, values)).map(({ line }) => line);
