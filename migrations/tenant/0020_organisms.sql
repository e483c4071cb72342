create table organism_group (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  parent_id bigint references organism_group (id) on delete restrict,
  check (parent_id <> id)
);
create index organism_group_parent_idx on organism_group (parent_id) where parent_id is not null;
comment on table organism_group is 'Organisms that share breakpoints (Enterobacterales). A group without a breakpoint uses that of its parent.';

create table organism (
  id bigint generated always as identity primary key,
  code text not null unique check (code <> ''),
  name text not null unique,
  genus text not null,
  species text,
  organism_group_id bigint references organism_group (id) on delete restrict,
  kind text not null check (kind in ('BACTERIUM', 'MYCOBACTERIUM', 'YEAST', 'MOULD', 'PARASITE', 'VIRUS')),
  gram_stain text not null default 'NOT_APPLICABLE' check (gram_stain in ('POSITIVE', 'NEGATIVE', 'VARIABLE', 'NOT_APPLICABLE')),
  morphology text check (morphology in ('COCCUS', 'BACILLUS', 'COCCOBACILLUS', 'SPIRAL', 'BRANCHING', 'YEAST', 'HYPHAE', 'PROTOZOON', 'HELMINTH', 'PLEOMORPHIC')),
  oxygen text check (oxygen in ('AEROBE', 'FACULTATIVE', 'ANAEROBE', 'MICROAEROPHILE')),
  snomed_code text,
  is_notifiable boolean not null default false,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index organism_group_idx on organism (organism_group_id);
create index organism_genus_idx on organism (lower(genus));
comment on table organism is 'A microorganism that can be reported: a species, a genus or a complex.';
create trigger set_updated_at before update on organism for each row execute function set_updated_at();

create table resistance_mechanism (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  description text,
  is_alert boolean not null default false,
  is_active boolean not null default true
);
comment on table resistance_mechanism is 'A resistance that infection control wants to know of (ESBL, MRSA, VRE).';

create table culture_medium (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  kind text not null check (kind in ('NON_SELECTIVE', 'SELECTIVE', 'DIFFERENTIAL', 'CHROMOGENIC', 'ENRICHMENT', 'TRANSPORT', 'SUSCEPTIBILITY')),
  inventory_item_id bigint references inventory_item (id) on delete set null,
  description text,
  is_active boolean not null default true
);
create index culture_medium_item_idx on culture_medium (inventory_item_id) where inventory_item_id is not null;
comment on table culture_medium is 'An agar or broth.';

create table culture_protocol (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  sample_type_id bigint not null references sample_type (id) on delete restrict,
  includes_gram_stain boolean not null default true,
  minimum_days smallint not null default 2 check (minimum_days > 0),
  maximum_days smallint not null,
  significance text,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (maximum_days >= minimum_days)
);
create index culture_protocol_sample_type_idx on culture_protocol (sample_type_id);
comment on table culture_protocol is 'How a kind of specimen is cultured, for how long, and what growth counts as significant.';
create trigger set_updated_at before update on culture_protocol for each row execute function set_updated_at();

create table culture_protocol_medium (
  culture_protocol_id bigint not null references culture_protocol (id) on delete cascade,
  culture_medium_id bigint not null references culture_medium (id) on delete restrict,
  position smallint not null check (position > 0),
  celsius numeric(4, 1) not null default 35.0,
  atmosphere text not null default 'AIR' check (atmosphere in ('AIR', 'CO2', 'ANAEROBIC', 'MICROAEROPHILIC')),
  hours smallint not null default 48 check (hours > 0),
  primary key (culture_protocol_id, culture_medium_id)
);
create index culture_protocol_medium_medium_idx on culture_protocol_medium (culture_medium_id);
comment on table culture_protocol_medium is 'The protocol inoculates the medium and incubates it so.';
