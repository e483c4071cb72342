create table payer_type (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  requires_claim boolean not null default false,
  is_active boolean not null default true
);
comment on table payer_type is 'A kind of payer (self-pay, private insurance, public programme).';

create table payer (
  id bigint generated always as identity primary key,
  payer_type_id bigint not null references payer_type (id) on delete restrict,
  code text not null unique,
  name text not null,
  external_payer_number text,
  email text,
  phone text,
  address_line1 text,
  city text,
  state text,
  postal_code text,
  country_id bigint references country (id) on delete restrict,
  payment_term_days smallint not null default 30 check (payment_term_days >= 0),
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index payer_type_idx on payer (payer_type_id);
comment on table payer is 'An insurer, employer or programme that pays for analyses.';
create trigger set_updated_at before update on payer for each row execute function set_updated_at();

create table patient_coverage (
  id bigint generated always as identity primary key,
  patient_id bigint not null references patient (id) on delete cascade,
  payer_id bigint not null references payer (id) on delete restrict,
  member_number text not null,
  group_number text,
  rank smallint not null default 1 check (rank between 1 and 9),
  copay_percent numeric(5, 2) not null default 0 check (copay_percent between 0 and 100),
  valid_from date,
  valid_until date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (patient_id, payer_id, member_number),
  check (valid_until >= valid_from)
);
create index patient_coverage_payer_idx on patient_coverage (payer_id, member_number);
comment on table patient_coverage is 'The payer covers the patient; rank 1 is billed first.';
create trigger set_updated_at before update on patient_coverage for each row execute function set_updated_at();

create table price_list (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  currency_id bigint not null references currency (id) on delete restrict,
  client_id bigint references client (id) on delete cascade,
  payer_id bigint references payer (id) on delete cascade,
  discount_percent numeric(5, 2) not null default 0 check (discount_percent between 0 and 100),
  valid_from date not null default current_date,
  valid_until date,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (num_nonnulls(client_id, payer_id) <= 1),
  check (valid_until >= valid_from)
);
create index price_list_client_idx on price_list (client_id) where client_id is not null;
create index price_list_payer_idx on price_list (payer_id) where payer_id is not null;
comment on table price_list is 'Prices in one currency: the general ones, or those agreed with a client or a payer.';
create trigger set_updated_at before update on price_list for each row execute function set_updated_at();

create table price_list_item (
  id bigint generated always as identity primary key,
  price_list_id bigint not null references price_list (id) on delete cascade,
  analysis_id bigint references analysis (id) on delete cascade,
  profile_id bigint references profile (id) on delete cascade,
  billing_code text,
  price numeric(14, 2) not null check (price >= 0),
  tax_percent numeric(5, 2) not null default 0 check (tax_percent between 0 and 100),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique nulls not distinct (price_list_id, analysis_id, profile_id),
  check (num_nonnulls(analysis_id, profile_id) = 1)
);
create index price_list_item_analysis_idx on price_list_item (analysis_id) where analysis_id is not null;
create index price_list_item_profile_idx on price_list_item (profile_id) where profile_id is not null;
comment on table price_list_item is 'The price of an analysis or of a profile. billing_code is what a payer calls it (CPT, tariff number).';
create trigger set_updated_at before update on price_list_item for each row execute function set_updated_at();
