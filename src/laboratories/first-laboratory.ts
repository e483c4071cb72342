import type { ClientBase } from "pg";
import { type Ask, transactAsOwner } from "../tenant-schemas/as-owner.ts";
import type { TenantNames } from "../tenants/names.ts";
import { ADD_BOTH, ORGANIZATION_COLUMNS, whyUnfit } from "./tables.ts";

/** A tenant's organization and the laboratory it begins with. */
export interface FirstLaboratory {
  readonly name: string;
  readonly slug: string;
  /** The stable name by which commands select this organization. */
  readonly setupName: string;
  /** Null where nobody knows its name: then there is only the organization. */
  readonly laboratory: string | null;
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
 * @returns why they are left out, in a sentence about the schema: it has no such tables, or somebody
 *   else's of that name; null where they are there
 */
export async function ensureFirstLaboratory(
  client: ClientBase,
  names: TenantNames,
  first: FirstLaboratory,
): Promise<string | null> {
  return await transactAsOwner(client, names, async (ask) => {
    const why = await whyUnfit(ask, ADD_BOTH);
    if (why === null) await addFirst(ask, first);
    return why;
  });
}

/**
 * Adds them to a schema that has no organization at all, as the tenant's owner role; does nothing
 * where there is one, of whatever name.
 *
 * @returns whether they were added
 */
export async function addMissingOrganization(
  client: ClientBase,
  names: TenantNames,
  first: FirstLaboratory,
): Promise<boolean> {
  return await transactAsOwner(client, names, async (ask) => {
    const some = await ask<boolean>("select to_jsonb(true) from organization limit 1");
    if (some === null) await addFirst(ask, first);
    return some === null;
  });
}

async function addFirst(ask: Ask, first: FirstLaboratory): Promise<void> {
  const { name, slug, setupName, region, vertical, states, timeZone, laboratory } = first;
  const { supportEmail: support_email, supportPhone: support_phone } = first;
  await ask(INSERT_ORGANIZATION, {
    name,
    slug,
    setup_name: setupName,
    region,
    vertical,
    states,
    time_zone: timeZone,
    support_email,
    support_phone,
  });
  if (laboratory !== null) await ask(INSERT_LABORATORY, { setupName, laboratory });
}

const COLUMNS = ORGANIZATION_COLUMNS.join(", ");

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
