import { DomainError } from "../kernel/domain-error.ts";
import type { Ask } from "../tenant-schemas/as-owner.ts";
import { ADD_LABORATORY, whyUnfit } from "./tables.ts";

/** An organization of a tenant; ids are text, of whatever type the schema makes them. */
export interface Organization {
  readonly id: string;
  readonly name: string;
  readonly setupName: string;
}

/** A laboratory that is to be added, under an id that is its own already. */
export interface NewLaboratory {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
}

/** Named in messages at most. */
const LISTED = 20;

/**
 * Refuses a schema to which a laboratory cannot be added by its name alone.
 *
 * @throws DomainError E_NO_LABORATORIES naming what is missing, or is somebody else's
 */
export async function refuseWithoutLaboratories(ask: Ask): Promise<void> {
  const why = await whyUnfit(ask, ADD_LABORATORY);
  if (why !== null) throw noLaboratories(why);
}

const noLaboratories = (why: string): DomainError =>
  new DomainError("E_NO_LABORATORIES", {
    message: `Laboratories cannot be added to this tenant's schema: ${why}`,
  });

const ORGANIZATIONS = `
  select coalesce(jsonb_agg(to_jsonb(o) order by o."setupName"), '[]') from (
    select id::text as id, name, setup_name as "setupName" from organization
    where $1->>'setupName' is null or setup_name = $1->>'setupName'
    order by setup_name limit ${LISTED + 1}) o`;

/**
 * The organization of that setup name, or the only one there is.
 *
 * @throws DomainError E_ORGANIZATION_NOT_FOUND; E_ORGANIZATION_AMBIGUOUS listing the setup names
 */
export async function chooseOrganization(
  ask: Ask,
  setupName: string | null,
): Promise<Organization> {
  const found = (await ask<Organization[]>(ORGANIZATIONS, { setupName })) ?? [];
  const [only, another] = found;
  if (only !== undefined && another === undefined) return only;
  if (only === undefined) {
    if (setupName === null)
      throw new DomainError("E_ORGANIZATION_NOT_FOUND", {
        message: "The tenant has no organization",
        nextAction:
          "See with `tenantHealth` whether one can be made, or make one in its application.",
      });
    const message = `The tenant has no organization with the setup name '${setupName}'`;
    throw new DomainError("E_ORGANIZATION_NOT_FOUND", { message });
  }
  const names = found.slice(0, LISTED).map((organization) => organization.setupName);
  throw new DomainError("E_ORGANIZATION_AMBIGUOUS", {
    message: `The tenant has several organizations: select one with setupName: ${names.join(", ")}${
      found.length > LISTED ? ", …" : ""
    }`,
  });
}

const SAME_NAME = `
  select to_jsonb(l.name) from laboratory l
  where l.organization_id::text = $1->>'organizationId' and lower(l.name) = lower($1->>'name')
  limit 1`;

/**
 * Refuses a name that a laboratory of the organization bears already, in whatever case.
 *
 * @throws DomainError E_LABORATORY_EXISTS
 */
export async function refuseSameName(
  ask: Ask,
  organization: Organization,
  name: string,
): Promise<void> {
  const taken = await ask<string>(SAME_NAME, { organizationId: organization.id, name });
  if (taken !== null) throw laboratoryExists(taken, organization);
}

/** The refusal of a name that another laboratory of the organization has. */
export const laboratoryExists = (name: string, { setupName }: Organization): DomainError =>
  new DomainError("E_LABORATORY_EXISTS", {
    message: `The organization '${setupName}' has a laboratory '${name}' already`,
  });

const DEFAULT_ID = `
  select to_jsonb(case
    when a.attidentity <> '' then format('nextval(%L)',
      pg_get_serial_sequence(format('%I.%I', current_schema(), 'laboratory'), 'id'))
    else pg_get_expr(d.adbin, d.adrelid) end)
  from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attname = 'id' and a.attrelid = (
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relname = 'laboratory' and n.nspname = current_schema())`;

/**
 * Takes the id that the next laboratory would get, so that it is nobody else's: whoever knows it
 * can tell the laboratory that it added from one that somebody else did.
 *
 * @throws DomainError E_NO_LABORATORIES where the schema makes no ids
 */
export async function takeLaboratoryId(ask: Ask): Promise<string> {
  const expression = await ask<string>(DEFAULT_ID);
  const id =
    expression === null ? null : await ask<string>(`select to_jsonb((${expression})::text)`);
  if (id === null) throw noLaboratories("laboratory.id has no default");
  return id;
}

const INSERT = `
  with added as (
    insert into laboratory (id, organization_id, name) overriding system value
    select r.id, r.organization_id, r.name from jsonb_populate_record(null::laboratory, $1) r
    on conflict do nothing returning id)
  select to_jsonb(count(*)) from added`;

/**
 * Adds the laboratory unless its id or its name is there. Repeatable.
 *
 * @returns false where somebody else has added one of that name meanwhile
 */
export async function ensureLaboratory(
  ask: Ask,
  { id, organizationId, name }: NewLaboratory,
): Promise<boolean> {
  // Two statements: Citus 13 cannot plan them as one.
  const taken = await ask<string>(SAME_NAME, { organizationId, name });
  if (taken === null) await ask(INSERT, { id, organization_id: organizationId, name });
  const present = await ask<boolean>(
    "select to_jsonb(true) from laboratory where id::text = $1->>'id'",
    { id },
  );
  return present === true;
}

/** Removes the laboratory of that id, if it is there. */
export async function removeLaboratory(ask: Ask, id: string): Promise<void> {
  await ask(
    `with removed as (delete from laboratory l using jsonb_populate_record(null::laboratory, $1) r
       where l.id = r.id returning l.id)
     select to_jsonb(count(*)) from removed`,
    { id },
  );
}
