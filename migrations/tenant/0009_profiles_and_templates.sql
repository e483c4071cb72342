create table profile (
  id bigint generated always as identity primary key,
  code text not null unique check (code <> ''),
  name text not null,
  loinc_code text check (loinc_code ~ '^[0-9]{1,7}-[0-9]$'),
  category_id bigint references analysis_category (id) on delete restrict,
  default_sample_type_id bigint references sample_type (id) on delete restrict,
  client_id bigint references client (id) on delete cascade,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index profile_category_idx on profile (category_id);
create index profile_client_idx on profile (client_id) where client_id is not null;
comment on table profile is 'A panel ordered under one name (complete blood count). With a client it can be ordered by that client only.';
create trigger set_updated_at before update on profile for each row execute function set_updated_at();

create table profile_analysis (
  profile_id bigint not null references profile (id) on delete cascade,
  analysis_id bigint not null references analysis (id) on delete restrict,
  sort_order integer not null default 0,
  is_optional boolean not null default false,
  primary key (profile_id, analysis_id)
);
create index profile_analysis_analysis_idx on profile_analysis (analysis_id);
comment on table profile_analysis is 'The profile contains the analysis.';

create table request_template (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  laboratory_id bigint references laboratory (id) on delete cascade,
  client_id bigint references client (id) on delete cascade,
  sample_type_id bigint references sample_type (id) on delete restrict,
  priority_id bigint references priority (id) on delete restrict,
  instructions text,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index request_template_laboratory_idx on request_template (laboratory_id);
create index request_template_client_idx on request_template (client_id);
comment on table request_template is 'A prepared analysis request: its partitions and what is done on each.';
create trigger set_updated_at before update on request_template for each row execute function set_updated_at();

create table request_template_partition (
  id bigint generated always as identity primary key,
  request_template_id bigint not null references request_template (id) on delete cascade,
  part_number smallint not null check (part_number > 0),
  sample_type_id bigint not null references sample_type (id) on delete restrict,
  container_type_id bigint references container_type (id) on delete set null,
  preservation_id bigint references preservation (id) on delete restrict,
  unique (request_template_id, part_number)
);
create index request_template_partition_sample_type_idx on request_template_partition (sample_type_id);
comment on table request_template_partition is 'One container of a template, numbered from 1.';

create table request_template_analysis (
  request_template_id bigint not null references request_template (id) on delete cascade,
  analysis_id bigint not null references analysis (id) on delete cascade,
  partition_id bigint references request_template_partition (id) on delete set null,
  primary key (request_template_id, analysis_id)
);
create index request_template_analysis_analysis_idx on request_template_analysis (analysis_id);
create index request_template_analysis_partition_idx on request_template_analysis (partition_id);
comment on table request_template_analysis is 'The template orders the analysis, on one partition if it matters which.';
