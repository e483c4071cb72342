create table audit_event (
  id bigint generated always as identity primary key,
  occurred_at timestamptz not null default now(),
  user_id bigint references app_user (id) on delete restrict,
  user_name text,
  action text not null check (action in ('CREATED', 'CHANGED', 'DELETED', 'VIEWED', 'PRINTED', 'EXPORTED', 'SIGNED', 'SIGNED_IN', 'SIGN_IN_FAILED')),
  entity_type text,
  entity_id bigint,
  patient_id bigint references patient (id) on delete restrict,
  reason text,
  old_values jsonb,
  new_values jsonb,
  client_address inet,
  check ((entity_type is null) = (entity_id is null))
);
create index audit_event_entity_idx on audit_event (entity_type, entity_id, occurred_at);
create index audit_event_user_idx on audit_event (user_id, occurred_at);
create index audit_event_patient_idx on audit_event (patient_id, occurred_at) where patient_id is not null;
create index audit_event_time_idx on audit_event using brin (occurred_at);
comment on table audit_event is 'Who did, changed or looked at what, and when. Rows are added and never altered.';
create trigger refuse_change before update or delete on audit_event for each row execute function refuse_change();

create table electronic_signature (
  id bigint generated always as identity primary key,
  user_id bigint not null references app_user (id) on delete restrict,
  signer_name text not null,
  meaning text not null check (meaning in ('ENTERED', 'REVIEWED', 'VERIFIED', 'APPROVED', 'PUBLISHED', 'REJECTED', 'RESPONSIBILITY')),
  entity_type text not null,
  entity_id bigint not null,
  content_sha256 text not null check (content_sha256 ~ '^[0-9a-f]{64}$'),
  authenticated_by text not null check (authenticated_by in ('PASSWORD', 'MFA', 'SSO', 'CERTIFICATE')),
  signed_at timestamptz not null default now()
);
create index electronic_signature_entity_idx on electronic_signature (entity_type, entity_id);
create index electronic_signature_user_idx on electronic_signature (user_id, signed_at);
comment on table electronic_signature is 'A signature in the sense of 21 CFR part 11: the name, the time and the meaning, bound to the signed content by its hash. Never altered.';
create trigger refuse_change before update or delete on electronic_signature for each row execute function refuse_change();
