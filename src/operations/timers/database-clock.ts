import type { EntityManager } from "../../database/orm.ts";

/** So many seconds from now, by the database's clock, which decides about it later too. */
export async function timeIn(em: EntityManager, seconds: number): Promise<Date> {
  const rows = await em.execute<{ at: string }[]>(
    "select (extract(epoch from now()) * 1000)::bigint::text as at",
  );
  return new Date(Number(rows[0]?.at) + seconds * 1000);
}

/** How many seconds are left until then, by the database's clock; below 0 when it has passed. */
export async function secondsUntil(em: EntityManager, at: Date): Promise<number> {
  const rows = await em.execute<{ left: string }[]>(
    "select extract(epoch from ?::timestamptz - now())::text as left",
    [at.toISOString()],
  );
  return Number(rows[0]?.left);
}
