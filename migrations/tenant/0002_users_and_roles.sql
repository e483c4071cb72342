create table app_user (
  id bigint generated always as identity primary key,
  identity_id uuid unique,
  organization_id bigint references organization (id) on delete restrict,
  default_laboratory_id bigint references laboratory (id) on delete set null,
  email text not null check (position('@' in email) > 1),
  full_name text not null check (full_name <> ''),
  initials text,
  job_title text,
  license_number text,
  phone text,
  locale text,
  time_zone text,
  is_active boolean not null default true,
  is_system boolean not null default false,
  last_sign_in_at timestamptz,
  deactivated_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (is_active or deactivated_at is not null)
);
create unique index app_user_email_key on app_user (lower(email));
create index app_user_organization_idx on app_user (organization_id);
create index app_user_default_laboratory_idx on app_user (default_laboratory_id);
comment on table app_user is 'A person, or an analyser or job acting as one (is_system). Never deleted: old records name their authors.';
comment on column app_user.identity_id is 'The sign-in identity outside this schema; passwords are not kept here.';
create trigger set_updated_at before update on app_user for each row execute function set_updated_at();

create table role (
  id bigint generated always as identity primary key,
  code text not null unique check (code <> ''),
  name text not null,
  description text,
  is_builtin boolean not null default false,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table role is 'A named set of permissions (laboratory manager, phlebotomist). Built-in roles come with the seeds.';
create trigger set_updated_at before update on role for each row execute function set_updated_at();

create table permission (
  id bigint generated always as identity primary key,
  code text not null unique check (code ~ '^[a-z_]+:[a-z_]+$'),
  description text not null
);
comment on table permission is 'One thing a user may do, written resource:action.';

create table role_permission (
  role_id bigint not null references role (id) on delete cascade,
  permission_id bigint not null references permission (id) on delete cascade,
  primary key (role_id, permission_id)
);
create index role_permission_permission_idx on role_permission (permission_id);
comment on table role_permission is 'The role grants the permission.';

create table user_role (
  id bigint generated always as identity primary key,
  user_id bigint not null references app_user (id) on delete cascade,
  role_id bigint not null references role (id) on delete restrict,
  laboratory_id bigint references laboratory (id) on delete cascade,
  department_id bigint references department (id) on delete cascade,
  granted_by bigint references app_user (id) on delete restrict,
  valid_until timestamptz,
  created_at timestamptz not null default now(),
  unique nulls not distinct (user_id, role_id, laboratory_id, department_id)
);
create index user_role_role_idx on user_role (role_id);
create index user_role_laboratory_idx on user_role (laboratory_id);
create index user_role_department_idx on user_role (department_id);
comment on table user_role is 'The user has the role: everywhere, or only in one laboratory or department.';
