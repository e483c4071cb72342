create table calibration (
  id bigint generated always as identity primary key,
  instrument_id bigint not null references instrument (id) on delete restrict,
  analysis_id bigint references analysis (id) on delete restrict,
  calibrator_lot_id bigint references inventory_lot (id) on delete restrict,
  kind text not null default 'INTERNAL' check (kind in ('INTERNAL', 'EXTERNAL', 'VERIFICATION')),
  outcome text not null check (outcome in ('PASSED', 'FAILED', 'ADJUSTED')),
  slope numeric,
  intercept numeric,
  correlation numeric check (correlation between -1 and 1),
  certificate_number text,
  performed_by bigint references app_user (id) on delete restrict,
  performed_at timestamptz not null,
  valid_until timestamptz,
  remarks text,
  created_at timestamptz not null default now(),
  check (valid_until > performed_at)
);
create index calibration_instrument_idx on calibration (instrument_id, performed_at desc);
create index calibration_analysis_idx on calibration (analysis_id) where analysis_id is not null;
create index calibration_lot_idx on calibration (calibrator_lot_id) where calibrator_lot_id is not null;
comment on table calibration is 'A calibration of an instrument, or of one analysis on it.';

create table calibration_point (
  id bigint generated always as identity primary key,
  calibration_id bigint not null references calibration (id) on delete cascade,
  level smallint not null check (level >= 0),
  assigned_value numeric not null,
  measured_value numeric not null,
  is_excluded boolean not null default false,
  unique (calibration_id, level)
);
comment on table calibration_point is 'One level of a calibration curve: what the calibrator should give and what it gave.';

create table maintenance_event (
  id bigint generated always as identity primary key,
  instrument_id bigint not null references instrument (id) on delete restrict,
  kind text not null check (kind in ('DAILY', 'WEEKLY', 'MONTHLY', 'PREVENTIVE', 'REPAIR', 'VALIDATION', 'DECONTAMINATION')),
  status text not null default 'PLANNED' check (status in ('PLANNED', 'IN_PROGRESS', 'DONE', 'SKIPPED')),
  due_on date,
  started_at timestamptz,
  finished_at timestamptz,
  performed_by bigint references app_user (id) on delete restrict,
  service_supplier_id bigint references supplier (id) on delete restrict,
  description text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (finished_at >= started_at),
  check (status <> 'DONE' or finished_at is not null)
);
create index maintenance_event_instrument_idx on maintenance_event (instrument_id, due_on);
create index maintenance_event_supplier_idx on maintenance_event (service_supplier_id) where service_supplier_id is not null;
comment on table maintenance_event is 'Maintenance planned or done on an instrument, and the time it was out of service.';
create trigger set_updated_at before update on maintenance_event for each row execute function set_updated_at();
