create table message (
  id bigint generated always as identity primary key,
  thread_id bigint references message (id) on delete cascade,
  analysis_request_id bigint references analysis_request (id) on delete cascade,
  sample_id bigint references sample (id) on delete cascade,
  author_id bigint references app_user (id) on delete restrict,
  subject text,
  body text not null check (body <> ''),
  is_from_client boolean not null default false,
  created_at timestamptz not null default now()
);
create index message_thread_idx on message (thread_id, created_at) where thread_id is not null;
create index message_request_idx on message (analysis_request_id) where analysis_request_id is not null;
create index message_sample_idx on message (sample_id) where sample_id is not null;
comment on table message is 'Something one person wrote to others, about a request, a sample or nothing in particular. Replies name the first message as their thread.';

create table message_recipient (
  message_id bigint not null references message (id) on delete cascade,
  user_id bigint not null references app_user (id) on delete cascade,
  read_at timestamptz,
  primary key (message_id, user_id)
);
create index message_recipient_unread_idx on message_recipient (user_id, message_id) where read_at is null;
comment on table message_recipient is 'The user is to read the message.';

create table interface_message (
  id bigint generated always as identity primary key,
  laboratory_id bigint references laboratory (id) on delete restrict,
  instrument_id bigint references instrument (id) on delete set null,
  client_id bigint references client (id) on delete set null,
  direction text not null check (direction in ('INBOUND', 'OUTBOUND')),
  protocol text not null check (protocol in ('ASTM', 'HL7V2', 'FHIR', 'POCT1A', 'FILE')),
  message_type text,
  control_id text,
  payload text not null,
  status text not null default 'RECEIVED' check (status in ('RECEIVED', 'QUEUED', 'PROCESSED', 'SENT', 'FAILED', 'IGNORED')),
  error text,
  processed_at timestamptz,
  created_at timestamptz not null default now()
);
create index interface_message_queue_idx on interface_message (created_at) where status in ('RECEIVED', 'QUEUED', 'FAILED');
create index interface_message_control_idx on interface_message (control_id) where control_id is not null;
create index interface_message_instrument_idx on interface_message (instrument_id) where instrument_id is not null;
create index interface_message_client_idx on interface_message (client_id) where client_id is not null;
comment on table interface_message is 'A message from or to an analyser or another system, as it went over the wire.';
