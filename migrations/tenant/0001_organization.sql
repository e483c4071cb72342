-- How this schema is written, in every file:
--   * An entity has "id bigint generated always as identity": ascending, so that batches walk a large
--     table in key order. A pure link table has the pair it links as its key.
--   * Lists of states and kinds are text with a CHECK: a later migration widens them in one transaction.
--   * ON DELETE CASCADE only for parts of a whole (an invoice and its lines); records that prove something
--     are RESTRICT; SET NULL where the reference is a convenience.
--   * Users are deactivated and never deleted, and so is reference data (units, countries, methods): columns
--     that point to them are RESTRICT, and are indexed only where a list is read by them.

create function set_updated_at() returns trigger
language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

create function refuse_change() returns trigger
language plpgsql as $$
begin
  raise exception '% is append-only: % refused', tg_table_name, lower(tg_op)
    using errcode = 'restrict_violation';
end;
$$;

create table country (
  id bigint generated always as identity primary key,
  alpha2 text not null unique check (alpha2 ~ '^[A-Z]{2}$'),
  alpha3 text not null unique check (alpha3 ~ '^[A-Z]{3}$'),
  name text not null,
  is_active boolean not null default true
);
comment on table country is 'A country or territory of ISO 3166-1.';

create table currency (
  id bigint generated always as identity primary key,
  code text not null unique check (code ~ '^[A-Z]{3}$'),
  name text not null,
  symbol text,
  minor_units smallint not null default 2 check (minor_units between 0 and 4),
  is_active boolean not null default true
);
comment on table currency is 'A currency of ISO 4217; minor_units is the number of decimals an amount is rounded to.';

create table organization (
  id bigint generated always as identity primary key,
  name text not null check (name <> ''),
  setup_name text not null unique check (setup_name <> ''),
  slug text unique,
  legal_name text,
  registration_number text,
  vertical text,
  region text,
  states text[] not null default '{}',
  time_zone text not null default 'UTC',
  locale text not null default 'en',
  support_email text,
  support_phone text,
  website text,
  address_line1 text,
  address_line2 text,
  city text,
  state text,
  postal_code text,
  country_id bigint references country (id) on delete restrict,
  currency_id bigint references currency (id) on delete restrict,
  settings jsonb not null default '{}',
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table organization is 'The customer itself, or one of its legal entities. setup_name is the stable name that configuration refers to.';
comment on column organization.states is 'States or provinces in which the organization is licensed to work.';
create trigger set_updated_at before update on organization for each row execute function set_updated_at();

create table laboratory (
  id bigint generated always as identity primary key,
  organization_id bigint not null references organization (id) on delete restrict,
  name text not null check (name <> ''),
  code text,
  kind text not null default 'CLINICAL'
    check (kind in ('CLINICAL', 'MICROBIOLOGY', 'PATHOLOGY', 'MOLECULAR', 'VETERINARY', 'ENVIRONMENTAL', 'FOOD', 'RESEARCH', 'REFERRAL')),
  accreditation_body text,
  accreditation_number text,
  accredited_until date,
  clia_number text,
  time_zone text,
  email text,
  phone text,
  address_line1 text,
  address_line2 text,
  city text,
  state text,
  postal_code text,
  country_id bigint references country (id) on delete restrict,
  is_default boolean not null default false,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index laboratory_organization_name_key on laboratory (organization_id, lower(name));
create unique index laboratory_organization_code_key on laboratory (organization_id, lower(code)) where code is not null;
create unique index laboratory_one_default_key on laboratory (organization_id) where is_default;
comment on table laboratory is 'A site that receives samples and reports results under one accreditation.';
comment on column laboratory.time_zone is 'IANA name; null means the time zone of the organization.';
create trigger set_updated_at before update on laboratory for each row execute function set_updated_at();

create table department (
  id bigint generated always as identity primary key,
  laboratory_id bigint not null references laboratory (id) on delete restrict,
  code text not null check (code <> ''),
  name text not null check (name <> ''),
  cost_center text,
  sort_order integer not null default 0,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (laboratory_id, code)
);
comment on table department is 'A bench or section of a laboratory (haematology, chemistry): work lists and staff belong to it.';
create trigger set_updated_at before update on department for each row execute function set_updated_at();
