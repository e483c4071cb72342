import type { ClientBase } from "pg";
import { ident } from "../database/sql.ts";
import type { TenantNames } from "../tenants/names.ts";

/** A tenant's organization and the laboratory it begins with. */
export interface FirstLaboratory {
  readonly name: string;
  readonly slug: string;
  /** The stable name by which commands select this organization. */
  readonly setupName: string;
  readonly laboratory: string;
  readonly region: string | null;
  readonly vertical: string | null;
  readonly states: readonly string[];
  readonly timeZone: string;
  readonly supportEmail: string | null;
  readonly supportPhone: string | null;
}

/**
 * Adds the organization and its first laboratory where they are absent, as the tenant's owner role.
 *
 * @returns false where the tenant schema has no such tables: somebody else's schema
 */
export async function ensureFirstLaboratory(
  client: ClientBase,
  names: TenantNames,
  first: FirstLaboratory,
): Promise<boolean> {
  await client.query("begin");
  try {
    await client.query(`set local role ${ident(names.ownerRole)}`);
    await client.query(`set local search_path = ${ident(names.schema)}, ext`);
    const { rows } = await client.query<{ present: boolean }>(
      "select to_regclass($1) is not null and to_regclass($2) is not null as present",
      [`${ident(names.schema)}.organization`, `${ident(names.schema)}.laboratory`],
    );
    const present = rows[0]?.present === true;
    if (present) await insert(client, first);
    await client.query("commit");
    return present;
  } catch (error) {
    await client.query("rollback").catch(() => {});
    throw error;
  }
}

async function insert(client: ClientBase, first: FirstLaboratory): Promise<void> {
  await client.query(
    `insert into organization
       (name, slug, setup_name, region, vertical, states, time_zone, support_email, support_phone)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
    [
      first.name,
      first.slug,
      first.setupName,
      first.region,
      first.vertical,
      first.states,
      first.timeZone,
      first.supportEmail,
      first.supportPhone,
    ],
  );
  await client.query(
    `insert into laboratory (organization_id, name)
     select id, $2 from organization where setup_name = $1 on conflict do nothing`,
    [first.setupName, first.laboratory],
  );
}
