create table storage_location (
  id bigint generated always as identity primary key,
  laboratory_id bigint not null references laboratory (id) on delete restrict,
  parent_id bigint references storage_location (id) on delete restrict,
  code text not null check (code <> ''),
  name text not null,
  kind text not null check (kind in ('ROOM', 'FREEZER', 'REFRIGERATOR', 'INCUBATOR', 'TANK', 'CABINET', 'SHELF', 'RACK', 'DRAWER', 'BOX')),
  storage_condition_id bigint references storage_condition (id) on delete restrict,
  row_count smallint check (row_count > 0),
  column_count smallint check (column_count > 0),
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (laboratory_id, code),
  check (parent_id <> id),
  check (parent_id is not null or kind not in ('SHELF', 'RACK', 'DRAWER', 'BOX')),
  check ((row_count is null) = (column_count is null))
);
create index storage_location_parent_idx on storage_location (parent_id) where parent_id is not null;
comment on table storage_location is 'A place that holds samples or other places: room, freezer, shelf, rack, box. One with rows and columns has positions.';
create trigger set_updated_at before update on storage_location for each row execute function set_updated_at();

create table storage_position (
  id bigint generated always as identity primary key,
  storage_location_id bigint not null references storage_location (id) on delete cascade,
  row_number smallint not null check (row_number > 0),
  column_number smallint not null check (column_number > 0),
  is_blocked boolean not null default false,
  unique (storage_location_id, row_number, column_number)
);
comment on table storage_position is 'One well or slot of a rack or box.';
