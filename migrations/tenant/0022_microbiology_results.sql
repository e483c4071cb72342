create table culture (
  id bigint generated always as identity primary key,
  sample_id bigint not null references sample (id) on delete restrict,
  analysis_result_id bigint references analysis_result (id) on delete restrict,
  culture_protocol_id bigint references culture_protocol (id) on delete restrict,
  state text not null default 'INOCULATED'
    check (state in ('INOCULATED', 'INCUBATING', 'PRELIMINARY', 'POSITIVE', 'NO_GROWTH', 'CONTAMINATED', 'FINAL', 'CANCELLED')),
  gram_result text,
  inoculated_by bigint references app_user (id) on delete restrict,
  inoculated_at timestamptz not null default now(),
  flagged_positive_at timestamptz,
  final_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (state <> 'FINAL' or final_at is not null)
);
create index culture_sample_idx on culture (sample_id);
create index culture_result_idx on culture (analysis_result_id) where analysis_result_id is not null;
create index culture_protocol_idx on culture (culture_protocol_id);
create index culture_open_idx on culture (inoculated_at) where state in ('INOCULATED', 'INCUBATING', 'PRELIMINARY', 'POSITIVE');
comment on table culture is 'A sample put on media under a protocol, until its final report.';
create trigger set_updated_at before update on culture for each row execute function set_updated_at();

create table culture_reading (
  id bigint generated always as identity primary key,
  culture_id bigint not null references culture (id) on delete cascade,
  culture_medium_id bigint references culture_medium (id) on delete restrict,
  day_number smallint not null check (day_number >= 0),
  growth text not null check (growth in ('NONE', 'SCANTY', 'LIGHT', 'MODERATE', 'HEAVY')),
  colony_count_cfu_ml bigint check (colony_count_cfu_ml >= 0),
  description text,
  read_by bigint references app_user (id) on delete restrict,
  read_at timestamptz not null default now()
);
create index culture_reading_culture_idx on culture_reading (culture_id, read_at);
create index culture_reading_medium_idx on culture_reading (culture_medium_id);
comment on table culture_reading is 'What was seen on a plate or in a bottle on one day.';

create table isolate (
  id bigint generated always as identity primary key,
  culture_id bigint not null references culture (id) on delete restrict,
  isolate_number smallint not null check (isolate_number > 0),
  organism_id bigint references organism (id) on delete restrict,
  identification_method_id bigint references method (id) on delete restrict,
  identification_score numeric(5, 3),
  quantity text check (quantity in ('SCANTY', 'LIGHT', 'MODERATE', 'HEAVY')),
  colony_count_cfu_ml bigint check (colony_count_cfu_ml >= 0),
  significance text not null default 'UNDETERMINED' check (significance in ('PATHOGEN', 'COLONISATION', 'CONTAMINANT', 'NORMAL_FLORA', 'UNDETERMINED')),
  is_first_of_patient boolean,
  identified_by bigint references app_user (id) on delete restrict,
  identified_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (culture_id, isolate_number)
);
create index isolate_organism_idx on isolate (organism_id, identified_at);
comment on table isolate is 'One organism grown from a culture. Only the first of a patient and period counts in a cumulative antibiogram.';
create trigger set_updated_at before update on isolate for each row execute function set_updated_at();

create table isolate_resistance (
  isolate_id bigint not null references isolate (id) on delete cascade,
  resistance_mechanism_id bigint not null references resistance_mechanism (id) on delete restrict,
  outcome text not null check (outcome in ('DETECTED', 'NOT_DETECTED', 'SUSPECTED')),
  evidence text,
  confirmed_at timestamptz,
  primary key (isolate_id, resistance_mechanism_id)
);
create index isolate_resistance_mechanism_idx on isolate_resistance (resistance_mechanism_id);
comment on table isolate_resistance is 'The isolate was tested for the mechanism, with this outcome.';

create table ast_test (
  id bigint generated always as identity primary key,
  isolate_id bigint not null references isolate (id) on delete restrict,
  ast_panel_id bigint references ast_panel (id) on delete restrict,
  breakpoint_table_id bigint not null references breakpoint_table (id) on delete restrict,
  instrument_id bigint references instrument (id) on delete restrict,
  method text not null check (method in ('BROTH_MICRODILUTION', 'DISK_DIFFUSION', 'GRADIENT_STRIP', 'AGAR_DILUTION', 'AUTOMATED', 'MOLECULAR')),
  state text not null default 'PENDING' check (state in ('PENDING', 'TO_BE_VERIFIED', 'VERIFIED', 'RETRACTED')),
  started_at timestamptz not null default now(),
  verified_by bigint references app_user (id) on delete restrict,
  verified_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index ast_test_isolate_idx on ast_test (isolate_id);
create index ast_test_panel_idx on ast_test (ast_panel_id);
create index ast_test_instrument_idx on ast_test (instrument_id) where instrument_id is not null;
comment on table ast_test is 'A susceptibility test of one isolate by one method, read against one version of the breakpoints.';
create trigger set_updated_at before update on ast_test for each row execute function set_updated_at();

create table ast_result (
  id bigint generated always as identity primary key,
  ast_test_id bigint not null references ast_test (id) on delete cascade,
  antibiotic_id bigint not null references antibiotic (id) on delete restrict,
  breakpoint_id bigint references breakpoint (id) on delete restrict,
  mic_comparator text check (mic_comparator in ('<', '<=', '=', '>=', '>')),
  mic_mg_l numeric check (mic_mg_l > 0),
  zone_mm smallint check (zone_mm between 0 and 100),
  interpretation text check (interpretation in ('S', 'I', 'R', 'SDD', 'NS', 'IE')),
  measured_interpretation text check (measured_interpretation in ('S', 'I', 'R', 'SDD', 'NS', 'IE')),
  override_reason text,
  is_reported boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (ast_test_id, antibiotic_id),
  check (num_nonnulls(mic_mg_l, zone_mm) <= 1),
  check (interpretation is not distinct from measured_interpretation or override_reason is not null or measured_interpretation is null)
);
create index ast_result_antibiotic_idx on ast_result (antibiotic_id, interpretation);
create index ast_result_breakpoint_idx on ast_result (breakpoint_id);
comment on table ast_result is 'One agent on one isolate: an MIC or a zone, what the breakpoints made of it, and what is reported (an expert rule may override).';
create trigger set_updated_at before update on ast_result for each row execute function set_updated_at();
