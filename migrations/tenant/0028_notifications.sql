create table notification_template (
  id bigint generated always as identity primary key,
  code text not null,
  channel text not null check (channel in ('EMAIL', 'SMS', 'IN_APP')),
  language text not null default 'en',
  subject text,
  body text not null,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (code, channel, language),
  check (channel <> 'EMAIL' or subject is not null)
);
comment on table notification_template is 'The words of a notification; {{placeholders}} are filled in from its data.';
create trigger set_updated_at before update on notification_template for each row execute function set_updated_at();

create table notification (
  id bigint generated always as identity primary key,
  notification_template_id bigint references notification_template (id) on delete set null,
  user_id bigint references app_user (id) on delete cascade,
  client_contact_id bigint references client_contact (id) on delete cascade,
  channel text not null check (channel in ('EMAIL', 'SMS', 'IN_APP')),
  data jsonb not null default '{}',
  status text not null default 'QUEUED' check (status in ('QUEUED', 'SENT', 'FAILED', 'READ', 'CANCELLED')),
  attempts smallint not null default 0 check (attempts >= 0),
  send_after timestamptz not null default now(),
  sent_at timestamptz,
  read_at timestamptz,
  last_error text,
  created_at timestamptz not null default now(),
  check (num_nonnulls(user_id, client_contact_id) = 1)
);
create index notification_queue_idx on notification (send_after) where status = 'QUEUED';
create index notification_user_idx on notification (user_id, created_at desc) where user_id is not null;
create index notification_contact_idx on notification (client_contact_id) where client_contact_id is not null;
create index notification_template_idx on notification (notification_template_id) where notification_template_id is not null;
comment on table notification is 'Something to be told to a user or to a contact of a client.';
