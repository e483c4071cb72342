create table sample (
  id bigint generated always as identity primary key,
  sample_number text not null unique check (sample_number <> ''),
  barcode text unique,
  analysis_request_id bigint references analysis_request (id) on delete restrict,
  laboratory_id bigint not null references laboratory (id) on delete restrict,
  client_id bigint references client (id) on delete restrict,
  patient_id bigint references patient (id) on delete restrict,
  sample_type_id bigint not null references sample_type (id) on delete restrict,
  container_type_id bigint references container_type (id) on delete restrict,
  preservation_id bigint references preservation (id) on delete restrict,
  kind text not null default 'PRIMARY' check (kind in ('PRIMARY', 'PARTITION', 'ALIQUOT', 'DERIVATIVE', 'POOL', 'CONTROL')),
  state text not null default 'REGISTERED'
    check (state in ('EXPECTED', 'REGISTERED', 'RECEIVED', 'IN_PROGRESS', 'TO_BE_VERIFIED', 'VERIFIED', 'PUBLISHED', 'STORED', 'REJECTED', 'CANCELLED', 'DISPOSED')),
  collection_site text,
  collected_by text,
  collected_at timestamptz,
  received_at timestamptz,
  received_by bigint references app_user (id) on delete restrict,
  received_celsius numeric(5, 1),
  expires_at timestamptz,
  dispose_after date,
  disposed_at timestamptz,
  volume_ml numeric(10, 3) check (volume_ml >= 0),
  remaining_volume_ml numeric(10, 3) check (remaining_volume_ml >= 0),
  hemolysis_index smallint check (hemolysis_index between 0 and 4),
  icterus_index smallint check (icterus_index between 0 and 4),
  lipemia_index smallint check (lipemia_index between 0 and 4),
  remarks text,
  metadata_snapshot jsonb,
  snapshot_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (remaining_volume_ml <= volume_ml),
  check (state <> 'DISPOSED' or disposed_at is not null)
) with (fillfactor = 90);
create index sample_request_idx on sample (analysis_request_id);
create index sample_patient_idx on sample (patient_id) where patient_id is not null;
create index sample_client_idx on sample (client_id);
create index sample_laboratory_received_idx on sample (laboratory_id, received_at);
create index sample_type_idx on sample (sample_type_id);
create index sample_received_idx on sample (id) where state = 'RECEIVED';
create index sample_dispose_after_idx on sample (dispose_after) where disposed_at is null;
comment on table sample is 'A specimen or a part of one, in its container, from the announcement to the disposal.';
comment on column sample.metadata_snapshot is 'What the rows this one refers to said when the snapshot was taken; written together with snapshot_at.';
create trigger set_updated_at before update on sample for each row
  when (old.snapshot_at is not distinct from new.snapshot_at) execute function set_updated_at();

create table sample_derivation (
  parent_sample_id bigint not null references sample (id) on delete restrict,
  child_sample_id bigint not null references sample (id) on delete cascade,
  kind text not null check (kind in ('PARTITION', 'ALIQUOT', 'DERIVATIVE', 'POOL')),
  volume_ml numeric(10, 3) check (volume_ml > 0),
  process text,
  derived_by bigint references app_user (id) on delete restrict,
  derived_at timestamptz not null default now(),
  primary key (parent_sample_id, child_sample_id),
  check (parent_sample_id <> child_sample_id)
);
create index sample_derivation_child_idx on sample_derivation (child_sample_id);
comment on table sample_derivation is 'The child was made from the parent: partitioned, aliquoted, extracted (DNA from blood), or pooled from several parents.';

create table sample_placement (
  id bigint generated always as identity primary key,
  sample_id bigint not null references sample (id) on delete cascade,
  storage_location_id bigint not null references storage_location (id) on delete restrict,
  storage_position_id bigint references storage_position (id) on delete restrict,
  placed_by bigint references app_user (id) on delete restrict,
  placed_at timestamptz not null default now(),
  removed_by bigint references app_user (id) on delete restrict,
  removed_at timestamptz,
  check (removed_at >= placed_at)
);
create index sample_placement_sample_idx on sample_placement (sample_id);
create index sample_placement_location_idx on sample_placement (storage_location_id) where removed_at is null;
create unique index sample_placement_current_key on sample_placement (sample_id) where removed_at is null;
create unique index sample_placement_occupied_key on sample_placement (storage_position_id)
  where removed_at is null and storage_position_id is not null;
comment on table sample_placement is 'The sample lay in the place from placed_at until removed_at. A position holds one sample at a time.';

create table sample_state_change (
  id bigint generated always as identity primary key,
  sample_id bigint not null references sample (id) on delete restrict,
  from_state text,
  to_state text not null,
  rejection_reason_id bigint references rejection_reason (id) on delete restrict,
  note text,
  changed_by bigint references app_user (id) on delete restrict,
  changed_at timestamptz not null default now(),
  check (to_state <> 'REJECTED' or rejection_reason_id is not null)
);
create index sample_state_change_sample_idx on sample_state_change (sample_id, changed_at);
create index sample_state_change_rejection_idx on sample_state_change (rejection_reason_id, changed_at) where rejection_reason_id is not null;
comment on table sample_state_change is 'A step in the life of a sample, never altered. A rejection names its reason.';
create trigger refuse_change before update or delete on sample_state_change for each row execute function refuse_change();

create table custody_event (
  id bigint generated always as identity primary key,
  sample_id bigint not null references sample (id) on delete restrict,
  action text not null check (action in ('COLLECTED', 'SEALED', 'HANDED_OVER', 'TRANSPORTED', 'RECEIVED', 'OPENED', 'RETURNED', 'DESTROYED')),
  released_by text,
  received_by text,
  user_id bigint references app_user (id) on delete restrict,
  place text,
  seal_number text,
  seal_intact boolean,
  celsius numeric(5, 1),
  occurred_at timestamptz not null,
  recorded_at timestamptz not null default now()
);
create index custody_event_sample_idx on custody_event (sample_id, occurred_at);
comment on table custody_event is 'A link in the chain of custody: who gave the sample to whom, where, under which seal. Never altered.';
create trigger refuse_change before update or delete on custody_event for each row execute function refuse_change();
