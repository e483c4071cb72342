import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Orm, openOrm } from "../../src/database/orm.ts";
import { PLATFORM_ENTITIES } from "../../src/entities.ts";
import { asSuperuser, createDatabase } from "./database.ts";

/** A migrated platform database and an empty data directory, for the tests of one room. */
export interface PlatformDatabase extends AsyncDisposable {
  readonly orm: Orm;
  readonly url: string;
  readonly dataDir: string;
  /** Runs SQL as the superuser, past the ORM. */
  sql(text: string, params?: unknown[]): Promise<Record<string, unknown>[]>;
  /** A second ORM on the same database, as another process would have it. */
  another(): Promise<Orm>;
}

/** Opens one; disposing it drops the database and the data directory. */
export async function openPlatformDatabase(): Promise<PlatformDatabase> {
  const database = await createDatabase("platform");
  const dataDir = await mkdtemp(join(tmpdir(), "tenantry-"));
  const orms: Orm[] = [];
  const another = async () => {
    const orm = openOrm({ url: database.url, entities: PLATFORM_ENTITIES });
    orms.push(orm);
    return orm;
  };
  return {
    orm: await another(),
    url: database.url,
    dataDir,
    another,
    sql: async (text, params = []) =>
      (await asSuperuser(database.url, (client) => client.query(text, params))).rows,
    [Symbol.asyncDispose]: async () => {
      for (const each of orms) await each.close();
      await rm(dataDir, { recursive: true });
      await database.drop();
    },
  };
}
