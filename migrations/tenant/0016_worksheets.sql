create table worksheet_template (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  laboratory_id bigint references laboratory (id) on delete cascade,
  method_id bigint references method (id) on delete restrict,
  instrument_id bigint references instrument (id) on delete set null,
  position_count smallint not null check (position_count between 1 and 1536),
  layout jsonb not null default '[]',
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index worksheet_template_laboratory_idx on worksheet_template (laboratory_id);
create index worksheet_template_method_idx on worksheet_template (method_id);
create index worksheet_template_instrument_idx on worksheet_template (instrument_id);
comment on table worksheet_template is 'How a run is laid out: how many positions, and which of them are blanks, controls and duplicates.';
create trigger set_updated_at before update on worksheet_template for each row execute function set_updated_at();

create table worksheet (
  id bigint generated always as identity primary key,
  worksheet_number text not null unique,
  laboratory_id bigint not null references laboratory (id) on delete restrict,
  department_id bigint references department (id) on delete set null,
  worksheet_template_id bigint references worksheet_template (id) on delete set null,
  method_id bigint references method (id) on delete restrict,
  instrument_id bigint references instrument (id) on delete restrict,
  analyst_id bigint references app_user (id) on delete restrict,
  state text not null default 'OPEN' check (state in ('OPEN', 'RUNNING', 'TO_BE_VERIFIED', 'VERIFIED', 'REJECTED')),
  started_at timestamptz,
  finished_at timestamptz,
  remarks text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (finished_at >= started_at)
);
create index worksheet_laboratory_idx on worksheet (laboratory_id, created_at desc);
create index worksheet_analyst_open_idx on worksheet (analyst_id) where state in ('OPEN', 'RUNNING', 'TO_BE_VERIFIED');
create index worksheet_department_idx on worksheet (department_id) where department_id is not null;
create index worksheet_template_idx on worksheet (worksheet_template_id) where worksheet_template_id is not null;
create index worksheet_instrument_idx on worksheet (instrument_id) where instrument_id is not null;
comment on table worksheet is 'A run: samples and controls worked on together by one analyst or instrument.';
create trigger set_updated_at before update on worksheet for each row execute function set_updated_at();

create table worksheet_position (
  id bigint generated always as identity primary key,
  worksheet_id bigint not null references worksheet (id) on delete cascade,
  position smallint not null check (position > 0),
  kind text not null default 'SAMPLE' check (kind in ('SAMPLE', 'BLANK', 'CONTROL', 'CALIBRATOR', 'DUPLICATE', 'EMPTY')),
  sample_id bigint references sample (id) on delete restrict,
  duplicate_of_id bigint references worksheet_position (id) on delete set null,
  inventory_lot_id bigint references inventory_lot (id) on delete restrict,
  unique (worksheet_id, position),
  check (kind <> 'SAMPLE' or sample_id is not null),
  check (kind <> 'DUPLICATE' or duplicate_of_id is not null or sample_id is not null)
);
create index worksheet_position_sample_idx on worksheet_position (sample_id) where sample_id is not null;
create index worksheet_position_duplicate_idx on worksheet_position (duplicate_of_id) where duplicate_of_id is not null;
create index worksheet_position_lot_idx on worksheet_position (inventory_lot_id) where inventory_lot_id is not null;
comment on table worksheet_position is 'What stands in one place of a run: a sample, or the lot of a control or calibrator.';
