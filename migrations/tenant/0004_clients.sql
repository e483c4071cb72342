create table client (
  id bigint generated always as identity primary key,
  organization_id bigint references organization (id) on delete restrict,
  code text not null unique check (code <> ''),
  name text not null check (name <> ''),
  kind text not null default 'CLINIC'
    check (kind in ('HOSPITAL', 'CLINIC', 'PRACTICE', 'LABORATORY', 'COMPANY', 'GOVERNMENT', 'RESEARCH', 'INDIVIDUAL')),
  parent_client_id bigint references client (id) on delete restrict,
  default_laboratory_id bigint references laboratory (id) on delete set null,
  tax_number text,
  email text,
  phone text,
  address_line1 text,
  address_line2 text,
  city text,
  state text,
  postal_code text,
  country_id bigint references country (id) on delete restrict,
  report_language text not null default 'en',
  report_delivery text not null default 'PORTAL' check (report_delivery in ('PORTAL', 'EMAIL', 'HL7', 'FHIR', 'PRINT', 'FAX')),
  is_bulk_billed boolean not null default true,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (parent_client_id <> id)
);
create index client_name_idx on client (lower(name));
create index client_parent_idx on client (parent_client_id) where parent_client_id is not null;
create index client_organization_idx on client (organization_id);
create index client_default_laboratory_idx on client (default_laboratory_id);
comment on table client is 'Who orders work and receives the reports: a hospital, a practice, a company. Wards are clients with a parent.';
create trigger set_updated_at before update on client for each row execute function set_updated_at();

create table client_contact (
  id bigint generated always as identity primary key,
  client_id bigint not null references client (id) on delete cascade,
  full_name text not null,
  function_title text,
  email text,
  phone text,
  mobile text,
  receives_reports boolean not null default false,
  receives_invoices boolean not null default false,
  receives_critical_calls boolean not null default false,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index client_contact_client_idx on client_contact (client_id);
comment on table client_contact is 'A person at a client, and what that person is told.';
create trigger set_updated_at before update on client_contact for each row execute function set_updated_at();

create table practitioner (
  id bigint generated always as identity primary key,
  client_id bigint references client (id) on delete set null,
  code text not null unique,
  full_name text not null,
  specialty text,
  national_provider_number text unique,
  email text,
  phone text,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index practitioner_client_idx on practitioner (client_id);
create index practitioner_name_idx on practitioner (lower(full_name));
comment on table practitioner is 'A physician, midwife or veterinarian who may order analyses.';
create trigger set_updated_at before update on practitioner for each row execute function set_updated_at();
