create table identifier_type (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  pattern text,
  is_active boolean not null default true
);
comment on table identifier_type is 'A kind of patient identifier (HL7 table 0203: MR, NI, PPN); pattern is a regular expression that values must match.';

create table patient (
  id bigint generated always as identity primary key,
  patient_number text not null unique check (patient_number <> ''),
  client_id bigint references client (id) on delete restrict,
  primary_practitioner_id bigint references practitioner (id) on delete set null,
  family_name text not null,
  given_name text,
  middle_name text,
  birth_date date,
  birth_date_precision text not null default 'DAY' check (birth_date_precision in ('DAY', 'MONTH', 'YEAR', 'UNKNOWN')),
  sex text not null default 'UNKNOWN' check (sex in ('FEMALE', 'MALE', 'INTERSEX', 'UNKNOWN')),
  gender_identity text,
  blood_group text check (blood_group in ('A+', 'A-', 'B+', 'B-', 'AB+', 'AB-', 'O+', 'O-')),
  species text not null default 'HUMAN',
  breed text,
  email text,
  phone text,
  address_line1 text,
  address_line2 text,
  city text,
  state text,
  postal_code text,
  country_id bigint references country (id) on delete restrict,
  preferred_language text,
  clinical_notes text,
  deceased_at timestamptz,
  merged_into_id bigint references patient (id) on delete restrict,
  is_active boolean not null default true,
  metadata_snapshot jsonb,
  snapshot_at timestamptz,
  created_by bigint references app_user (id) on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (merged_into_id <> id),
  check (birth_date >= date '1850-01-01')
) with (fillfactor = 90);
create index patient_name_idx on patient (lower(family_name) text_pattern_ops, lower(given_name) text_pattern_ops);
create index patient_birth_date_idx on patient (birth_date);
create index patient_client_idx on patient (client_id);
create index patient_practitioner_idx on patient (primary_practitioner_id) where primary_practitioner_id is not null;
create index patient_merged_into_idx on patient (merged_into_id) where merged_into_id is not null;
comment on table patient is 'A person or animal whose samples are tested. A duplicate is kept and points to the record it was merged into.';
comment on column patient.metadata_snapshot is 'What the rows this one refers to said when the snapshot was taken; written together with snapshot_at.';
-- Taking a snapshot is not an edit: it leaves updated_at alone.
create trigger set_updated_at before update on patient for each row
  when (old.snapshot_at is not distinct from new.snapshot_at) execute function set_updated_at();

create table patient_identifier (
  id bigint generated always as identity primary key,
  patient_id bigint not null references patient (id) on delete cascade,
  identifier_type_id bigint not null references identifier_type (id) on delete restrict,
  value text not null check (value <> ''),
  issuer text not null default '',
  valid_from date,
  valid_until date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (identifier_type_id, issuer, value),
  check (valid_until >= valid_from)
);
create index patient_identifier_patient_idx on patient_identifier (patient_id);
create index patient_identifier_value_idx on patient_identifier (value);
comment on table patient_identifier is 'A number by which somebody knows the patient: medical record, national id, insurance.';
create trigger set_updated_at before update on patient_identifier for each row execute function set_updated_at();

create table patient_consent (
  id bigint generated always as identity primary key,
  patient_id bigint not null references patient (id) on delete restrict,
  scope text not null check (scope in ('TESTING', 'GENETIC_TESTING', 'RESEARCH', 'BIOBANKING', 'DATA_SHARING', 'RESULT_BY_EMAIL')),
  status text not null check (status in ('GIVEN', 'REFUSED', 'WITHDRAWN')),
  given_by text,
  given_at timestamptz not null,
  withdrawn_at timestamptz,
  recorded_by bigint references app_user (id) on delete restrict,
  created_at timestamptz not null default now(),
  check (status <> 'WITHDRAWN' or withdrawn_at is not null)
);
create index patient_consent_patient_idx on patient_consent (patient_id, scope, given_at desc);
comment on table patient_consent is 'A decision of the patient; the newest row of a scope holds.';
