create table specification (
  id bigint generated always as identity primary key,
  code text not null,
  version integer not null default 1 check (version > 0),
  name text not null,
  source text,
  sample_type_id bigint references sample_type (id) on delete restrict,
  client_id bigint references client (id) on delete cascade,
  laboratory_id bigint references laboratory (id) on delete cascade,
  status text not null default 'ACTIVE' check (status in ('DRAFT', 'ACTIVE', 'RETIRED')),
  valid_from date not null default current_date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (code, version)
);
create unique index specification_one_active_key on specification (code) where status = 'ACTIVE';
create index specification_sample_type_idx on specification (sample_type_id);
create index specification_client_idx on specification (client_id) where client_id is not null;
create index specification_laboratory_idx on specification (laboratory_id) where laboratory_id is not null;
comment on table specification is 'A versioned set of reference ranges or limits: general, or those of one laboratory, client or sample type.';
create trigger set_updated_at before update on specification for each row execute function set_updated_at();

create table specification_range (
  id bigint generated always as identity primary key,
  specification_id bigint not null references specification (id) on delete cascade,
  analysis_id bigint not null references analysis (id) on delete cascade,
  method_id bigint references method (id) on delete set null,
  unit_id bigint references unit (id) on delete restrict,
  sex text not null default 'ANY' check (sex in ('ANY', 'FEMALE', 'MALE')),
  age_min_days integer not null default 0 check (age_min_days >= 0),
  age_max_days integer not null default 54750,
  condition text not null default '',
  low numeric,
  high numeric,
  critical_low numeric,
  critical_high numeric,
  plausible_low numeric,
  plausible_high numeric,
  text_normal text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (specification_id, analysis_id, sex, age_min_days, condition),
  check (age_max_days > age_min_days),
  check (high >= low),
  check (critical_low <= low),
  check (critical_high >= high),
  check (num_nonnulls(low, high, critical_low, critical_high, text_normal) > 0)
);
create index specification_range_analysis_idx on specification_range (analysis_id);
create index specification_range_method_idx on specification_range (method_id) where method_id is not null;
comment on table specification_range is 'What is normal, critical and plausible for one analysis, sex, age (days, minimum inclusive, maximum exclusive) and condition (fasting, pregnancy).';
create trigger set_updated_at before update on specification_range for each row execute function set_updated_at();
