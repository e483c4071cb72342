create table westgard_rule (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  description text not null,
  severity text not null check (severity in ('WARNING', 'REJECTION')),
  error_type text not null check (error_type in ('RANDOM', 'SYSTEMATIC', 'EITHER')),
  window_size smallint not null check (window_size > 0),
  required_count smallint not null check (required_count > 0),
  sd_limit numeric(3, 1),
  is_same_side boolean not null default false,
  is_across_levels boolean not null default false,
  check (required_count <= window_size)
);
comment on table westgard_rule is 'A control rule: required_count of the last window_size points beyond sd_limit standard deviations, on one side or on either.';

create table qc_material (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  inventory_item_id bigint references inventory_item (id) on delete set null,
  sample_type_id bigint references sample_type (id) on delete restrict,
  level text not null default 'NORMAL' check (level in ('LOW', 'NORMAL', 'HIGH', 'POSITIVE', 'NEGATIVE', 'BLANK')),
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index qc_material_item_idx on qc_material (inventory_item_id) where inventory_item_id is not null;
comment on table qc_material is 'A control material at one level.';
create trigger set_updated_at before update on qc_material for each row execute function set_updated_at();

create table qc_lot (
  id bigint generated always as identity primary key,
  qc_material_id bigint not null references qc_material (id) on delete restrict,
  lot_number text not null,
  expires_on date not null,
  in_use_from date,
  in_use_until date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (qc_material_id, lot_number),
  check (in_use_until >= in_use_from)
);
comment on table qc_lot is 'A lot of a control material and the time it was in use.';
create trigger set_updated_at before update on qc_lot for each row execute function set_updated_at();

create table qc_plan (
  id bigint generated always as identity primary key,
  laboratory_id bigint not null references laboratory (id) on delete cascade,
  analysis_id bigint not null references analysis (id) on delete cascade,
  instrument_id bigint references instrument (id) on delete cascade,
  levels_per_run smallint not null default 2 check (levels_per_run > 0),
  every_hours numeric(6, 2) check (every_hours > 0),
  every_samples integer check (every_samples > 0),
  total_allowable_error_percent numeric(6, 2) check (total_allowable_error_percent > 0),
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique nulls not distinct (laboratory_id, analysis_id, instrument_id),
  check (num_nonnulls(every_hours, every_samples) > 0)
);
create index qc_plan_analysis_idx on qc_plan (analysis_id);
create index qc_plan_instrument_idx on qc_plan (instrument_id);
comment on table qc_plan is 'How often an analysis is controlled, and how wrong it may be.';
create trigger set_updated_at before update on qc_plan for each row execute function set_updated_at();

create table qc_plan_rule (
  qc_plan_id bigint not null references qc_plan (id) on delete cascade,
  westgard_rule_id bigint not null references westgard_rule (id) on delete restrict,
  severity text not null default 'REJECTION' check (severity in ('WARNING', 'REJECTION')),
  primary key (qc_plan_id, westgard_rule_id)
);
create index qc_plan_rule_rule_idx on qc_plan_rule (westgard_rule_id);
comment on table qc_plan_rule is 'The plan applies the rule, as a warning or as a rejection of the run.';

create table qc_target (
  id bigint generated always as identity primary key,
  qc_lot_id bigint not null references qc_lot (id) on delete cascade,
  analysis_id bigint not null references analysis (id) on delete restrict,
  instrument_id bigint references instrument (id) on delete cascade,
  unit_id bigint references unit (id) on delete restrict,
  mean numeric not null,
  standard_deviation numeric not null check (standard_deviation > 0),
  origin text not null default 'MANUFACTURER' check (origin in ('MANUFACTURER', 'ESTABLISHED', 'PEER_GROUP')),
  valid_from timestamptz not null default now(),
  created_at timestamptz not null default now(),
  unique nulls not distinct (qc_lot_id, analysis_id, instrument_id, valid_from)
);
create index qc_target_analysis_idx on qc_target (analysis_id);
create index qc_target_instrument_idx on qc_target (instrument_id);
comment on table qc_target is 'The mean and standard deviation that a lot should give: the middle and the lines of a Levey-Jennings chart.';

create table qc_result (
  id bigint generated always as identity primary key,
  qc_target_id bigint not null references qc_target (id) on delete restrict,
  instrument_id bigint references instrument (id) on delete restrict,
  worksheet_id bigint references worksheet (id) on delete set null,
  reagent_lot_id bigint references inventory_lot (id) on delete restrict,
  value numeric not null,
  z_score numeric(8, 3) not null,
  status text not null default 'ACCEPTED' check (status in ('ACCEPTED', 'WARNING', 'REJECTED', 'EXCLUDED')),
  measured_by bigint references app_user (id) on delete restrict,
  measured_at timestamptz not null,
  comment text,
  created_at timestamptz not null default now()
);
create index qc_result_chart_idx on qc_result (qc_target_id, measured_at);
create index qc_result_instrument_idx on qc_result (instrument_id, measured_at);
create index qc_result_worksheet_idx on qc_result (worksheet_id) where worksheet_id is not null;
create index qc_result_reagent_lot_idx on qc_result (reagent_lot_id) where reagent_lot_id is not null;
comment on table qc_result is 'A control measurement: one point of a chart. z_score is its distance from the mean in standard deviations.';

create table qc_violation (
  id bigint generated always as identity primary key,
  qc_result_id bigint not null references qc_result (id) on delete cascade,
  westgard_rule_id bigint not null references westgard_rule (id) on delete restrict,
  severity text not null check (severity in ('WARNING', 'REJECTION')),
  corrective_action text,
  resolved_by bigint references app_user (id) on delete restrict,
  resolved_at timestamptz,
  created_at timestamptz not null default now(),
  unique (qc_result_id, westgard_rule_id)
);
create index qc_violation_rule_idx on qc_violation (westgard_rule_id);
create index qc_violation_open_idx on qc_violation (created_at) where resolved_at is null;
comment on table qc_violation is 'A control result broke a rule, and what was done about it.';
