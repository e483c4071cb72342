create table report (
  id bigint generated always as identity primary key,
  report_number text not null unique,
  analysis_request_id bigint not null references analysis_request (id) on delete restrict,
  version integer not null default 1 check (version > 0),
  kind text not null default 'FINAL' check (kind in ('PRELIMINARY', 'FINAL', 'CORRECTED', 'SUPPLEMENTARY')),
  supersedes_id bigint references report (id) on delete restrict,
  content jsonb not null default '{}',
  storage_key text,
  sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
  language text not null default 'en',
  published_by bigint references app_user (id) on delete restrict,
  published_at timestamptz not null default now(),
  unique (analysis_request_id, version),
  check (kind <> 'CORRECTED' or supersedes_id is not null)
);
create index report_supersedes_idx on report (supersedes_id) where supersedes_id is not null;
comment on table report is 'What was told to the client, word for word. A correction is a new version that supersedes the old one.';

create table report_delivery (
  id bigint generated always as identity primary key,
  report_id bigint not null references report (id) on delete cascade,
  client_contact_id bigint references client_contact (id) on delete set null,
  channel text not null check (channel in ('PORTAL', 'EMAIL', 'HL7', 'FHIR', 'PRINT', 'FAX')),
  recipient text not null,
  status text not null default 'QUEUED' check (status in ('QUEUED', 'SENT', 'DELIVERED', 'FAILED', 'CANCELLED')),
  attempts smallint not null default 0 check (attempts >= 0),
  last_error text,
  sent_at timestamptz,
  read_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index report_delivery_report_idx on report_delivery (report_id);
create index report_delivery_contact_idx on report_delivery (client_contact_id) where client_contact_id is not null;
create index report_delivery_queue_idx on report_delivery (created_at) where status in ('QUEUED', 'FAILED');
comment on table report_delivery is 'A report on its way to one recipient.';
create trigger set_updated_at before update on report_delivery for each row execute function set_updated_at();
