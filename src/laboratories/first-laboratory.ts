import type { ClientBase } from "pg";
import { transactAsOwner } from "../tenant-schemas/as-owner.ts";
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
  return await transactAsOwner(client, names, async (ask) => {
    const present = await ask<boolean>(TABLES_PRESENT);
    if (present !== true) return false;
    const { name, slug, setupName, region, vertical, states, timeZone, laboratory } = first;
    const { supportEmail: support_email, supportPhone: support_phone } = first;
    await ask(INSERT_ORGANIZATION, {
      ...{ name, slug, setup_name: setupName, region, vertical, states, time_zone: timeZone },
      ...{ support_email, support_phone },
    });
    await ask(INSERT_LABORATORY, { setupName, laboratory });
    return true;
  });
}

const TABLES_PRESENT = `
  select to_jsonb(count(*) = 2) from pg_class
  where relnamespace = (select oid from pg_namespace where nspname = current_schema())
    and relname in ('organization', 'laboratory') and relkind in ('r', 'p')`;

const COLUMNS =
  "name, slug, setup_name, region, vertical, states, time_zone, support_email, support_phone";

const INSERT_ORGANIZATION = `
  with added as (
    insert into organization (${COLUMNS})
    select ${COLUMNS} from jsonb_populate_record(null::organization, $1)
    on conflict do nothing returning id)
  select to_jsonb(count(*)) from added`;

const INSERT_LABORATORY = `
  with added as (
    insert into laboratory (organization_id, name)
    select id, $1->>'laboratory' from organization where setup_name = $1->>'setupName'
    on conflict do nothing returning id)
  select to_jsonb(count(*)) from added`;
