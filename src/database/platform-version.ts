import { readdir } from "node:fs/promises";
import type { EntityManager } from "@mikro-orm/postgresql";
import { MIGRATIONS } from "./orm.ts";
import { UnfitPlatform } from "./unfit-platform.ts";

/** How far the platform's database is, beside this program; by the names of migrations. */
export interface PlatformVersion {
  /** What was applied, in that order; empty where the database holds no platform. */
  readonly applied: readonly string[];
  /** What this program has and the database lacks. */
  readonly pending: readonly string[];
  /** What the database has and this program does not know: a newer one was here. */
  readonly unknown: readonly string[];
}

/** Reads how far the platform's database is. It only looks: nothing is made. */
export async function platformVersion(em: EntityManager): Promise<PlatformVersion> {
  const files = await readdir(MIGRATIONS);
  const known = files.flatMap((file) => /^(Migration.*)\.[jt]s$/.exec(file)?.[1] ?? []).sort();
  const [{ made } = { made: false }] = await em.execute<{ made: boolean }[]>(
    "select to_regclass('platform.migration') is not null as made",
  );
  const rows = made
    ? await em.execute<{ name: string }[]>("select name from platform.migration order by id")
    : [];
  const applied = rows.map(({ name }) => name);
  return {
    applied,
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  };
}

/**
 * Expects the database to hold a platform of this program's version.
 *
 * @throws UnfitPlatform saying how it can be brought there
 */
export function expectThisVersion({ applied, pending, unknown }: PlatformVersion): void {
  if (applied.length === 0)
    throw new UnfitPlatform(
      "The database holds no platform yet: check DATABASE_URL, or make one with `tenantry db upgrade`",
    );
  if (unknown.length > 0)
    throw new UnfitPlatform(
      `The platform database is newer than this program, which does not know ${unknown.at(-1)}: use the version that the service runs`,
    );
  if (pending.length > 0)
    throw new UnfitPlatform(
      `The platform database is older than this program and lacks ${pending.at(-1)}: use the version that the service runs, or upgrade with \`tenantry db upgrade\``,
    );
}
