import type pg from "pg";
import { redactText } from "../kernel/redact.ts";
import { platformConfig } from "./connect.ts";
import { withConnection } from "./own-connection.ts";
import { isTransactionPooled, refusedSetting, settingsArrive } from "./pooler.ts";
import { UnfitPlatform } from "./unfit-platform.ts";
import { encodingFault } from "./utf8.ts";

/**
 * Refuses a platform database that is reached through a pooler which mixes sessions up or drops their
 * settings, or that is not UTF8.
 *
 * @param url connection URL of the platform database
 * @throws UnfitPlatform with one clear line; Error with another where it cannot be reached
 */
export async function refusePooledPlatform(url: string): Promise<void> {
  const probe = platformConfig(url, "probe");
  const look = async (client: pg.Client) => ({
    fault: await encodingFault(client),
    arrived: await settingsArrive(client),
  });
  const { fault, arrived } = await withConnection(probe, look).catch((error: unknown) => {
    const refused = refusedSetting(error);
    throw refused === null
      ? unreachable(url, error)
      : pooled(url, `refuses the settings of sessions (${refused})`);
  });
  if (fault !== null)
    throw new UnfitPlatform(
      `DATABASE_URL names a database in which names and texts would be spoilt: ${fault}. Make another one with ENCODING 'UTF8' TEMPLATE template0, and restore a dump there if the old one holds a platform`,
    );
  if (await isTransactionPooled((work) => withConnection(probe, work)))
    throw pooled(
      url,
      "is in transaction mode, where locks and settings of a session do not survive",
    );
  if (!arrived) throw pooled(url, "drops the settings of sessions");
}

function unreachable(url: string, cause: unknown): Error {
  const { host, pathname } = new URL(url);
  const why = redactText(cause instanceof Error ? cause.message : String(cause));
  return new Error(`The platform database ${host}${pathname} cannot be reached: ${why}`, {
    cause,
  });
}

const pooled = (url: string, why: string): UnfitPlatform =>
  new UnfitPlatform(
    `DATABASE_URL leads to a connection pooler (${new URL(url).host}) that ${why}: give the address of PostgreSQL itself`,
  );
