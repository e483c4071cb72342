create table antibiotic_class (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  parent_id bigint references antibiotic_class (id) on delete restrict,
  check (parent_id <> id)
);
create index antibiotic_class_parent_idx on antibiotic_class (parent_id) where parent_id is not null;
comment on table antibiotic_class is 'A class of antimicrobials (third-generation cephalosporins).';

create table antibiotic (
  id bigint generated always as identity primary key,
  code text not null unique check (code <> ''),
  name text not null unique,
  antibiotic_class_id bigint not null references antibiotic_class (id) on delete restrict,
  atc_code text check (atc_code ~ '^[A-Z][0-9]{2}[A-Z]{2}[0-9]{2}$'),
  kind text not null default 'ANTIBACTERIAL' check (kind in ('ANTIBACTERIAL', 'ANTIFUNGAL', 'ANTIMYCOBACTERIAL')),
  aware_group text check (aware_group in ('ACCESS', 'WATCH', 'RESERVE')),
  is_oral boolean not null default false,
  is_parenteral boolean not null default false,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index antibiotic_class_idx on antibiotic (antibiotic_class_id);
comment on table antibiotic is 'An agent that can be tested, under its usual three-letter abbreviation; a fixed combination or a screening disc is an agent too.';
create trigger set_updated_at before update on antibiotic for each row execute function set_updated_at();

create table breakpoint_table (
  id bigint generated always as identity primary key,
  code text not null unique,
  publisher text not null,
  version text not null,
  name text not null,
  valid_from date not null,
  valid_until date,
  status text not null default 'ACTIVE' check (status in ('DRAFT', 'ACTIVE', 'RETIRED')),
  notes text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (publisher, version),
  check (valid_until >= valid_from)
);
comment on table breakpoint_table is 'One version of a breakpoint standard. Old versions stay, since old results were read against them.';
create trigger set_updated_at before update on breakpoint_table for each row execute function set_updated_at();

create table breakpoint (
  id bigint generated always as identity primary key,
  breakpoint_table_id bigint not null references breakpoint_table (id) on delete restrict,
  organism_group_id bigint not null references organism_group (id) on delete restrict,
  antibiotic_id bigint not null references antibiotic (id) on delete restrict,
  indication text not null default 'GENERAL'
    check (indication in ('GENERAL', 'MENINGITIS', 'UNCOMPLICATED_UTI', 'URINARY_ORIGIN', 'PNEUMONIA', 'ENDOCARDITIS', 'ORAL', 'SCREEN')),
  mic_susceptible_max numeric check (mic_susceptible_max > 0),
  mic_resistant_above numeric check (mic_resistant_above > 0),
  disk_content_ug numeric(8, 2) check (disk_content_ug > 0),
  zone_susceptible_min smallint check (zone_susceptible_min > 0),
  zone_resistant_below smallint check (zone_resistant_below > 0),
  note text,
  unique (breakpoint_table_id, organism_group_id, antibiotic_id, indication),
  check (mic_resistant_above >= mic_susceptible_max),
  check (zone_resistant_below <= zone_susceptible_min),
  check (num_nonnulls(mic_susceptible_max, zone_susceptible_min) > 0)
);
create index breakpoint_group_idx on breakpoint (organism_group_id);
create index breakpoint_antibiotic_idx on breakpoint (antibiotic_id);
comment on table breakpoint is 'Susceptible at an MIC (mg/L) up to the first or a zone (mm) from the first, resistant above or below the second, in between I.';

create table intrinsic_resistance (
  organism_group_id bigint not null references organism_group (id) on delete cascade,
  antibiotic_id bigint not null references antibiotic (id) on delete cascade,
  note text,
  primary key (organism_group_id, antibiotic_id)
);
create index intrinsic_resistance_antibiotic_idx on intrinsic_resistance (antibiotic_id);
comment on table intrinsic_resistance is 'The group is resistant by nature: reported R whatever was measured.';

create table ast_panel (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  organism_group_id bigint references organism_group (id) on delete restrict,
  specimen text not null default 'ANY' check (specimen in ('ANY', 'URINE', 'BLOOD', 'CSF', 'RESPIRATORY')),
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index ast_panel_group_idx on ast_panel (organism_group_id);
comment on table ast_panel is 'The agents tested together on a group of organisms.';
create trigger set_updated_at before update on ast_panel for each row execute function set_updated_at();

create table ast_panel_antibiotic (
  ast_panel_id bigint not null references ast_panel (id) on delete cascade,
  antibiotic_id bigint not null references antibiotic (id) on delete restrict,
  sort_order integer not null default 0,
  report text not null default 'ALWAYS' check (report in ('ALWAYS', 'SELECTIVE', 'NEVER')),
  primary key (ast_panel_id, antibiotic_id)
);
create index ast_panel_antibiotic_antibiotic_idx on ast_panel_antibiotic (antibiotic_id);
comment on table ast_panel_antibiotic is 'The panel tests the agent; SELECTIVE ones are reported only when the first choice fails.';
