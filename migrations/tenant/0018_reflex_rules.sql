create table reflex_rule (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  laboratory_id bigint references laboratory (id) on delete cascade,
  match text not null default 'ALL' check (match in ('ALL', 'ANY')),
  fires_at text not null default 'VERIFIED' check (fires_at in ('ENTERED', 'VERIFIED')),
  max_depth smallint not null default 3 check (max_depth between 1 and 10),
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index reflex_rule_laboratory_idx on reflex_rule (laboratory_id) where laboratory_id is not null;
comment on table reflex_rule is 'When its conditions hold, its actions happen: a TSH out of range adds free T4. max_depth stops rules that set each other off.';
create trigger set_updated_at before update on reflex_rule for each row execute function set_updated_at();

create table reflex_rule_condition (
  id bigint generated always as identity primary key,
  reflex_rule_id bigint not null references reflex_rule (id) on delete cascade,
  position smallint not null check (position > 0),
  analysis_id bigint not null references analysis (id) on delete restrict,
  operator text not null check (operator in ('LT', 'LE', 'EQ', 'NE', 'GE', 'GT', 'BETWEEN', 'IN', 'ABNORMAL', 'CRITICAL')),
  value_numeric numeric,
  value_numeric_to numeric,
  value_options text[],
  unique (reflex_rule_id, position),
  check (operator not in ('LT', 'LE', 'GE', 'GT', 'BETWEEN') or value_numeric is not null),
  check (operator <> 'BETWEEN' or value_numeric_to >= value_numeric),
  check (operator <> 'IN' or cardinality(value_options) > 0)
);
create index reflex_rule_condition_analysis_idx on reflex_rule_condition (analysis_id);
comment on table reflex_rule_condition is 'A test on the result of one analysis.';

create table reflex_rule_action (
  id bigint generated always as identity primary key,
  reflex_rule_id bigint not null references reflex_rule (id) on delete cascade,
  position smallint not null check (position > 0),
  kind text not null check (kind in ('ADD_ANALYSIS', 'ADD_PROFILE', 'REPEAT', 'ADD_COMMENT', 'NOTIFY', 'HOLD')),
  analysis_id bigint references analysis (id) on delete restrict,
  profile_id bigint references profile (id) on delete restrict,
  coded_comment_id bigint references coded_comment (id) on delete restrict,
  settings jsonb not null default '{}',
  unique (reflex_rule_id, position),
  check (kind not in ('ADD_ANALYSIS', 'REPEAT') or analysis_id is not null),
  check (kind <> 'ADD_PROFILE' or profile_id is not null),
  check (kind <> 'ADD_COMMENT' or coded_comment_id is not null)
);
create index reflex_rule_action_analysis_idx on reflex_rule_action (analysis_id) where analysis_id is not null;
create index reflex_rule_action_profile_idx on reflex_rule_action (profile_id) where profile_id is not null;
create index reflex_rule_action_comment_idx on reflex_rule_action (coded_comment_id) where coded_comment_id is not null;
comment on table reflex_rule_action is 'What a rule does, in the order of its positions.';

create table reflex_event (
  id bigint generated always as identity primary key,
  reflex_rule_id bigint not null references reflex_rule (id) on delete restrict,
  trigger_result_id bigint not null references analysis_result (id) on delete restrict,
  created_item_id bigint references analysis_request_item (id) on delete set null,
  depth smallint not null default 1 check (depth > 0),
  fired_at timestamptz not null default now(),
  unique (reflex_rule_id, trigger_result_id)
);
create index reflex_event_result_idx on reflex_event (trigger_result_id);
create index reflex_event_item_idx on reflex_event (created_item_id) where created_item_id is not null;
comment on table reflex_event is 'The rule fired on the result, once, and this is the analysis it added.';
