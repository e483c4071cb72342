create table coded_comment (
  id bigint generated always as identity primary key,
  code text not null unique,
  body text not null,
  category_id bigint references analysis_category (id) on delete set null,
  is_internal boolean not null default false,
  is_active boolean not null default true
);
create index coded_comment_category_idx on coded_comment (category_id);
comment on table coded_comment is 'A ready-made remark that can be put on a result; internal ones are not reported.';

create table analysis_result (
  id bigint generated always as identity primary key,
  sample_id bigint not null references sample (id) on delete restrict,
  analysis_id bigint not null references analysis (id) on delete restrict,
  analysis_request_item_id bigint references analysis_request_item (id) on delete set null,
  method_id bigint references method (id) on delete restrict,
  unit_id bigint references unit (id) on delete restrict,
  instrument_id bigint references instrument (id) on delete restrict,
  worksheet_id bigint references worksheet (id) on delete set null,
  reagent_lot_id bigint references inventory_lot (id) on delete restrict,
  specification_range_id bigint references specification_range (id) on delete set null,
  result_option_id bigint references analysis_result_option (id) on delete restrict,
  retest_of_id bigint references analysis_result (id) on delete restrict,
  state text not null default 'PENDING'
    check (state in ('PENDING', 'ASSIGNED', 'TO_BE_VERIFIED', 'VERIFIED', 'PUBLISHED', 'RETRACTED', 'REJECTED', 'CANCELLED')),
  value_numeric numeric,
  value_text text,
  comparator text check (comparator in ('<', '<=', '>=', '>', '~')),
  flag text check (flag in ('N', 'L', 'H', 'LL', 'HH', 'A', 'AA')),
  reference_low numeric,
  reference_high numeric,
  is_delta_failed boolean not null default false,
  is_auto_verified boolean not null default false,
  comment text,
  measured_at timestamptz,
  entered_by bigint references app_user (id) on delete restrict,
  entered_at timestamptz,
  verified_by bigint references app_user (id) on delete restrict,
  verified_at timestamptz,
  published_at timestamptz,
  metadata_snapshot jsonb,
  snapshot_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (retest_of_id <> id),
  check (state not in ('VERIFIED', 'PUBLISHED') or verified_at is not null),
  check (state not in ('TO_BE_VERIFIED', 'VERIFIED', 'PUBLISHED') or num_nonnulls(value_numeric, value_text, result_option_id) > 0)
) with (fillfactor = 90);
create unique index analysis_result_current_key on analysis_result (sample_id, analysis_id)
  where state not in ('RETRACTED', 'REJECTED', 'CANCELLED');
create index analysis_result_sample_idx on analysis_result (sample_id);
create index analysis_result_analysis_idx on analysis_result (analysis_id, measured_at);
create index analysis_result_item_idx on analysis_result (analysis_request_item_id) where analysis_request_item_id is not null;
create index analysis_result_worksheet_idx on analysis_result (worksheet_id) where worksheet_id is not null;
create index analysis_result_instrument_idx on analysis_result (instrument_id, measured_at) where instrument_id is not null;
create index analysis_result_reagent_lot_idx on analysis_result (reagent_lot_id) where reagent_lot_id is not null;
create index analysis_result_range_idx on analysis_result (specification_range_id) where specification_range_id is not null;
create index analysis_result_retest_idx on analysis_result (retest_of_id) where retest_of_id is not null;
create index analysis_result_open_idx on analysis_result (analysis_id, id) where state in ('PENDING', 'ASSIGNED', 'TO_BE_VERIFIED');
comment on table analysis_result is 'One analysis on one sample: waiting, measured, verified, published. A retest is a row of its own that points to the retracted one.';
comment on column analysis_result.comparator is 'Set when the value lies beyond a limit of detection: "<" 0.01.';
comment on column analysis_result.reference_low is 'The range that was applied, kept because specifications change.';
comment on column analysis_result.metadata_snapshot is 'What the rows this one refers to said when the snapshot was taken; written together with snapshot_at.';
create trigger set_updated_at before update on analysis_result for each row
  when (old.snapshot_at is not distinct from new.snapshot_at) execute function set_updated_at();

create table analysis_result_revision (
  id bigint generated always as identity primary key,
  analysis_result_id bigint not null references analysis_result (id) on delete restrict,
  revision integer not null check (revision > 0),
  value_numeric numeric,
  value_text text,
  flag text,
  state text not null,
  reason text not null check (reason <> ''),
  revised_by bigint references app_user (id) on delete restrict,
  revised_at timestamptz not null default now(),
  unique (analysis_result_id, revision)
);
comment on table analysis_result_revision is 'What a result said before it was corrected, and why it was. Never altered.';
create trigger refuse_change before update or delete on analysis_result_revision for each row execute function refuse_change();

create table critical_result_notification (
  id bigint generated always as identity primary key,
  analysis_result_id bigint not null references analysis_result (id) on delete restrict,
  client_contact_id bigint references client_contact (id) on delete set null,
  notified_person text not null,
  channel text not null check (channel in ('PHONE', 'SECURE_MESSAGE', 'IN_PERSON', 'INTERFACE')),
  is_read_back boolean not null default false,
  notified_by bigint references app_user (id) on delete restrict,
  notified_at timestamptz not null default now(),
  remarks text
);
create index critical_result_notification_result_idx on critical_result_notification (analysis_result_id);
create index critical_result_notification_contact_idx on critical_result_notification (client_contact_id) where client_contact_id is not null;
comment on table critical_result_notification is 'Somebody was told a critical value, and read it back.';
