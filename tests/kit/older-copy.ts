import type pg from "pg";
import { ident } from "../../src/database/sql.ts";
import { asSuperuser, freshName, urlOf } from "./database.ts";

/** A copy of a database as it is now, as a standby that lags has it. */
export interface OlderCopy {
  /** Puts the copy in the place of the database; whoever is connected finds the connection broken. */
  promote(): Promise<void>;
}

/** Keeps a copy of a database that others are connected to: they are cut off for a moment. */
export async function keepCopy(url: string): Promise<OlderCopy> {
  const name = new URL(url).pathname.slice(1);
  const copy = freshName(`${name}_old`);
  const alone = (work: (client: pg.Client) => Promise<void>) =>
    asSuperuser(urlOf(url, "postgres"), async (client) => {
      await client.query(`alter database ${ident(name)} with allow_connections false`);
      await client.query(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = $1",
        [name],
      );
      await work(client);
    });
  await alone(async (client) => {
    await client.query(`create database ${ident(copy)} template ${ident(name)}`);
    await client.query(`alter database ${ident(name)} with allow_connections true`);
  });
  return {
    promote: () =>
      alone(async (client) => {
        await client.query(`drop database ${ident(name)} with (force)`);
        await client.query(`alter database ${ident(copy)} rename to ${ident(name)}`);
      }),
  };
}
