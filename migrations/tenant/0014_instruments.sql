create table instrument_type (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  description text,
  is_active boolean not null default true
);
comment on table instrument_type is 'A class of equipment (chemistry analyser, centrifuge, pipette).';

create table instrument (
  id bigint generated always as identity primary key,
  laboratory_id bigint not null references laboratory (id) on delete restrict,
  department_id bigint references department (id) on delete set null,
  instrument_type_id bigint not null references instrument_type (id) on delete restrict,
  manufacturer_id bigint references supplier (id) on delete restrict,
  code text not null check (code <> ''),
  name text not null,
  model text,
  serial_number text,
  firmware_version text,
  status text not null default 'IN_SERVICE' check (status in ('INSTALLING', 'IN_SERVICE', 'OUT_OF_SERVICE', 'UNDER_REPAIR', 'RETIRED')),
  interface_protocol text not null default 'NONE' check (interface_protocol in ('NONE', 'ASTM', 'HL7', 'POCT1A', 'FILE', 'REST')),
  interface_settings jsonb not null default '{}',
  calibration_interval_days integer check (calibration_interval_days > 0),
  calibration_due_on date,
  commissioned_on date,
  retired_on date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (laboratory_id, code),
  check (retired_on >= commissioned_on)
);
create index instrument_department_idx on instrument (department_id) where department_id is not null;
create index instrument_type_idx on instrument (instrument_type_id);
create index instrument_manufacturer_idx on instrument (manufacturer_id) where manufacturer_id is not null;
create index instrument_calibration_due_idx on instrument (calibration_due_on) where status = 'IN_SERVICE';
comment on table instrument is 'One analyser or piece of equipment, and how it is connected.';
create trigger set_updated_at before update on instrument for each row execute function set_updated_at();

create table instrument_analysis (
  instrument_id bigint not null references instrument (id) on delete cascade,
  analysis_id bigint not null references analysis (id) on delete cascade,
  method_id bigint references method (id) on delete restrict,
  unit_id bigint references unit (id) on delete restrict,
  channel_code text not null,
  factor numeric not null default 1 check (factor <> 0),
  is_preferred boolean not null default false,
  primary key (instrument_id, analysis_id),
  unique (instrument_id, channel_code)
);
create index instrument_analysis_analysis_idx on instrument_analysis (analysis_id);
create index instrument_analysis_method_idx on instrument_analysis (method_id) where method_id is not null;
comment on table instrument_analysis is 'The instrument does the analysis and sends it under channel_code; its value times factor is the result.';
