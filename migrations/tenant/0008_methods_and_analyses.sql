create table analysis_category (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  sort_order integer not null default 0,
  is_active boolean not null default true
);
comment on table analysis_category is 'The heading under which analyses are ordered and reported (clinical chemistry, haematology).';

create table method (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  principle text,
  reference text,
  version text not null default '1',
  is_accredited boolean not null default false,
  is_manual boolean not null default false,
  valid_from date,
  retired_on date,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (retired_on >= valid_from)
);
comment on table method is 'How something is measured (hexokinase, flow cytometry, disc diffusion).';
create trigger set_updated_at before update on method for each row execute function set_updated_at();

create table analysis (
  id bigint generated always as identity primary key,
  code text not null unique check (code <> ''),
  name text not null,
  short_name text,
  loinc_code text check (loinc_code ~ '^[0-9]{1,7}-[0-9]$'),
  category_id bigint not null references analysis_category (id) on delete restrict,
  department_id bigint references department (id) on delete set null,
  default_method_id bigint references method (id) on delete set null,
  default_sample_type_id bigint references sample_type (id) on delete restrict,
  unit_id bigint references unit (id) on delete restrict,
  result_type text not null default 'NUMERIC'
    check (result_type in ('NUMERIC', 'TEXT', 'OPTION', 'TITRE', 'DATE', 'CULTURE', 'SEQUENCE')),
  formula text,
  decimals smallint check (decimals between 0 and 9),
  lower_detection_limit numeric,
  upper_detection_limit numeric,
  measurement_uncertainty_percent numeric(6, 2) check (measurement_uncertainty_percent >= 0),
  delta_check_percent numeric(6, 1) check (delta_check_percent > 0),
  delta_check_days integer check (delta_check_days > 0),
  turnaround_minutes integer check (turnaround_minutes > 0),
  is_orderable boolean not null default true,
  is_reportable boolean not null default true,
  is_accredited boolean not null default false,
  is_active boolean not null default true,
  sort_order integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (upper_detection_limit > lower_detection_limit),
  check ((delta_check_percent is null) = (delta_check_days is null))
);
create index analysis_category_idx on analysis (category_id);
create index analysis_department_idx on analysis (department_id) where department_id is not null;
create index analysis_default_method_idx on analysis (default_method_id);
create index analysis_default_sample_type_idx on analysis (default_sample_type_id);
create index analysis_name_idx on analysis (lower(name));
create index analysis_loinc_idx on analysis (loinc_code) where loinc_code is not null;
comment on table analysis is 'Something the laboratory can determine. With a formula it is computed from the analyses in analysis_input.';
comment on column analysis.delta_check_percent is 'A result that differs by more than this from the one of the last delta_check_days days is held back.';
create trigger set_updated_at before update on analysis for each row execute function set_updated_at();

create table analysis_input (
  analysis_id bigint not null references analysis (id) on delete cascade,
  input_analysis_id bigint not null references analysis (id) on delete restrict,
  variable text not null check (variable ~ '^[a-z][a-z0-9_]*$'),
  is_required boolean not null default true,
  primary key (analysis_id, input_analysis_id),
  unique (analysis_id, variable),
  check (analysis_id <> input_analysis_id)
);
create index analysis_input_input_idx on analysis_input (input_analysis_id);
comment on table analysis_input is 'The formula of the analysis reads the input analysis under the name of the variable.';

create table analysis_method (
  analysis_id bigint not null references analysis (id) on delete cascade,
  method_id bigint not null references method (id) on delete cascade,
  unit_id bigint references unit (id) on delete restrict,
  lower_detection_limit numeric,
  upper_detection_limit numeric,
  primary key (analysis_id, method_id)
);
create index analysis_method_method_idx on analysis_method (method_id);
comment on table analysis_method is 'The analysis may be done by the method, with limits of its own where they differ.';

create table analysis_result_option (
  id bigint generated always as identity primary key,
  analysis_id bigint not null references analysis (id) on delete cascade,
  code text not null,
  display text not null,
  snomed_code text,
  is_abnormal boolean not null default false,
  sort_order integer not null default 0,
  unique (analysis_id, code)
);
comment on table analysis_result_option is 'One answer that an analysis of type OPTION can have (positive, negative, indeterminate).';

create table analysis_sample_type (
  analysis_id bigint not null references analysis (id) on delete cascade,
  sample_type_id bigint not null references sample_type (id) on delete cascade,
  container_type_id bigint references container_type (id) on delete set null,
  minimum_volume_ml numeric(8, 3) check (minimum_volume_ml > 0),
  stability_hours integer check (stability_hours > 0),
  primary key (analysis_id, sample_type_id)
);
create index analysis_sample_type_sample_type_idx on analysis_sample_type (sample_type_id);
create index analysis_sample_type_container_idx on analysis_sample_type (container_type_id);
comment on table analysis_sample_type is 'The analysis can be done on the sample type, if enough of it comes within the hours of its stability.';
