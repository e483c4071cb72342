create table document_type (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  is_controlled boolean not null default false,
  review_months smallint check (review_months > 0),
  is_active boolean not null default true
);
comment on table document_type is 'A kind of document. Controlled ones (procedures) have versions, approval and a review date.';

create table document (
  id bigint generated always as identity primary key,
  document_type_id bigint not null references document_type (id) on delete restrict,
  laboratory_id bigint references laboratory (id) on delete restrict,
  department_id bigint references department (id) on delete set null,
  code text not null unique,
  title text not null,
  owner_id bigint references app_user (id) on delete restrict,
  review_due_on date,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index document_type_idx on document (document_type_id);
create index document_laboratory_idx on document (laboratory_id);
create index document_department_idx on document (department_id) where department_id is not null;
create index document_review_idx on document (review_due_on) where is_active;
comment on table document is 'A document of the quality system, whatever its version.';
create trigger set_updated_at before update on document for each row execute function set_updated_at();

create table document_version (
  id bigint generated always as identity primary key,
  document_id bigint not null references document (id) on delete restrict,
  version integer not null check (version > 0),
  status text not null default 'DRAFT' check (status in ('DRAFT', 'IN_REVIEW', 'APPROVED', 'SUPERSEDED', 'WITHDRAWN')),
  change_summary text,
  file_name text not null,
  content_type text not null,
  byte_size bigint not null check (byte_size >= 0),
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  storage_key text not null,
  author_id bigint references app_user (id) on delete restrict,
  approved_by bigint references app_user (id) on delete restrict,
  approved_at timestamptz,
  effective_on date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (document_id, version),
  check (status <> 'APPROVED' or approved_at is not null)
);
create unique index document_version_approved_key on document_version (document_id) where status = 'APPROVED';
comment on table document_version is 'One edition of a document; the file itself lies in object storage under storage_key.';
create trigger set_updated_at before update on document_version for each row execute function set_updated_at();

create table attachment (
  id bigint generated always as identity primary key,
  patient_id bigint references patient (id) on delete cascade,
  analysis_request_id bigint references analysis_request (id) on delete cascade,
  sample_id bigint references sample (id) on delete cascade,
  analysis_result_id bigint references analysis_result (id) on delete cascade,
  instrument_id bigint references instrument (id) on delete cascade,
  file_name text not null,
  content_type text not null,
  byte_size bigint not null check (byte_size >= 0),
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  storage_key text not null unique,
  is_on_report boolean not null default false,
  uploaded_by bigint references app_user (id) on delete restrict,
  created_at timestamptz not null default now(),
  check (num_nonnulls(patient_id, analysis_request_id, sample_id, analysis_result_id, instrument_id) = 1)
);
create index attachment_patient_idx on attachment (patient_id) where patient_id is not null;
create index attachment_request_idx on attachment (analysis_request_id) where analysis_request_id is not null;
create index attachment_sample_idx on attachment (sample_id) where sample_id is not null;
create index attachment_result_idx on attachment (analysis_result_id) where analysis_result_id is not null;
create index attachment_instrument_idx on attachment (instrument_id) where instrument_id is not null;
comment on table attachment is 'A file that belongs to exactly one record: a scanned order, a photograph of a plate, a certificate.';
