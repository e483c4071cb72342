create table analysis_request (
  id bigint generated always as identity primary key,
  request_number text not null unique check (request_number <> ''),
  laboratory_id bigint not null references laboratory (id) on delete restrict,
  client_id bigint not null references client (id) on delete restrict,
  patient_id bigint references patient (id) on delete restrict,
  practitioner_id bigint references practitioner (id) on delete restrict,
  batch_number text,
  request_template_id bigint references request_template (id) on delete set null,
  specification_id bigint references specification (id) on delete restrict,
  priority_id bigint references priority (id) on delete restrict,
  state text not null default 'REGISTERED'
    check (state in ('DRAFT', 'REGISTERED', 'RECEIVED', 'IN_PROGRESS', 'TO_BE_VERIFIED', 'VERIFIED', 'PUBLISHED', 'REJECTED', 'CANCELLED')),
  client_reference text,
  external_order_number text,
  diagnosis_codes text[] not null default '{}',
  clinical_information text,
  is_fasting boolean,
  is_pregnant boolean,
  requested_at timestamptz not null default now(),
  received_at timestamptz,
  due_at timestamptz,
  verified_at timestamptz,
  published_at timestamptz,
  cancelled_at timestamptz,
  cancellation_reason text,
  metadata_snapshot jsonb,
  snapshot_at timestamptz,
  created_by bigint references app_user (id) on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (state <> 'CANCELLED' or cancelled_at is not null),
  check (state <> 'PUBLISHED' or published_at is not null)
) with (fillfactor = 90);
create index analysis_request_client_idx on analysis_request (client_id, requested_at desc);
create index analysis_request_patient_idx on analysis_request (patient_id, requested_at desc) where patient_id is not null;
create index analysis_request_batch_idx on analysis_request (batch_number) where batch_number is not null;
create index analysis_request_template_idx on analysis_request (request_template_id) where request_template_id is not null;
create index analysis_request_practitioner_idx on analysis_request (practitioner_id) where practitioner_id is not null;
create index analysis_request_external_idx on analysis_request (external_order_number) where external_order_number is not null;
create index analysis_request_open_idx on analysis_request (laboratory_id, due_at)
  where state in ('REGISTERED', 'RECEIVED', 'IN_PROGRESS', 'TO_BE_VERIFIED', 'VERIFIED');
comment on table analysis_request is 'An order: who asks what to be determined, for whom, how urgently. Its samples and results hang on it.';
comment on column analysis_request.batch_number is 'Shared by the requests that a client sent in together.';
comment on column analysis_request.diagnosis_codes is 'ICD-10 codes given with the order.';
comment on column analysis_request.metadata_snapshot is 'What the rows this one refers to said when the snapshot was taken; written together with snapshot_at.';
create trigger set_updated_at before update on analysis_request for each row
  when (old.snapshot_at is not distinct from new.snapshot_at) execute function set_updated_at();

create table analysis_request_item (
  id bigint generated always as identity primary key,
  analysis_request_id bigint not null references analysis_request (id) on delete cascade,
  analysis_id bigint not null references analysis (id) on delete restrict,
  profile_id bigint references profile (id) on delete restrict,
  origin text not null default 'ORDERED' check (origin in ('ORDERED', 'PROFILE', 'ADD_ON', 'REFLEX')),
  status text not null default 'OPEN' check (status in ('OPEN', 'RESULTED', 'CANCELLED')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (analysis_request_id, analysis_id)
);
create index analysis_request_item_analysis_idx on analysis_request_item (analysis_id);
create index analysis_request_item_profile_idx on analysis_request_item (profile_id) where profile_id is not null;
comment on table analysis_request_item is 'One analysis that a request asks for, and how it got there; those of one profile are billed together.';
create trigger set_updated_at before update on analysis_request_item for each row execute function set_updated_at();
