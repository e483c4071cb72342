create table storage_condition (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  minimum_celsius numeric(5, 1),
  maximum_celsius numeric(5, 1),
  is_active boolean not null default true,
  check (maximum_celsius >= minimum_celsius)
);
comment on table storage_condition is 'A temperature band in which samples, reagents and media are kept.';

create table preservation (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  description text,
  is_active boolean not null default true
);
comment on table preservation is 'What keeps a sample fit for testing: an anticoagulant, an acid, formalin, a transport medium.';

create table container_type (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  kind text not null check (kind in ('TUBE', 'BOTTLE', 'CUP', 'SWAB', 'SLIDE', 'PLATE', 'CARD', 'CASSETTE', 'BAG', 'VIAL', 'SYRINGE', 'OTHER')),
  cap_color text,
  preservation_id bigint references preservation (id) on delete restrict,
  capacity_ml numeric(8, 2) check (capacity_ml > 0),
  draw_order smallint check (draw_order > 0),
  is_sterile boolean not null default false,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table container_type is 'A tube, bottle or swab. draw_order is its place in the order of draw at venepuncture.';
create trigger set_updated_at before update on container_type for each row execute function set_updated_at();

create table sample_type (
  id bigint generated always as identity primary key,
  code text not null unique check (code <> ''),
  name text not null,
  category text not null check (category in ('BLOOD', 'URINE', 'STOOL', 'SWAB', 'RESPIRATORY', 'STERILE_FLUID', 'TISSUE', 'GENETIC', 'ENVIRONMENTAL', 'FOOD', 'OTHER')),
  snomed_code text,
  hl7_code text,
  default_container_type_id bigint references container_type (id) on delete set null,
  storage_condition_id bigint references storage_condition (id) on delete restrict,
  minimum_volume_ml numeric(8, 2) check (minimum_volume_ml > 0),
  retention_days integer check (retention_days >= 0),
  is_hazardous boolean not null default false,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index sample_type_default_container_idx on sample_type (default_container_type_id);
comment on table sample_type is 'A kind of specimen (serum, midstream urine, wound swab), how it is taken, kept and for how long.';
create trigger set_updated_at before update on sample_type for each row execute function set_updated_at();

create table rejection_reason (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  category text not null check (category in ('IDENTIFICATION', 'COLLECTION', 'TRANSPORT', 'QUANTITY', 'QUALITY', 'REQUEST')),
  requires_recollection boolean not null default true,
  is_active boolean not null default true
);
comment on table rejection_reason is 'Why a sample is refused (haemolysed, unlabelled); counted as a pre-analytical quality indicator.';
