import type { EntityManager } from "../../database/orm.ts";

/** The moment by the platform database's clock, for `changedSince`. */
export async function databaseTime(em: EntityManager): Promise<string> {
  const [row] = await em.execute<{ now: string }[]>("select now()::text as now");
  return row?.now ?? "-infinity";
}

/** The ids of the tenants that changed since then, or on which something worked or works. */
export async function changedSince(em: EntityManager, since: string): Promise<Set<string>> {
  const rows = await em.execute<{ id: string }[]>(
    `select id from platform.tenant where updated_at > ?::timestamptz
     union
     select subject_id from platform.operation
     where subject_id is not null and (finished_at is null or updated_at > ?::timestamptz)`,
    [since, since],
  );
  return new Set(rows.map(({ id }) => id));
}
