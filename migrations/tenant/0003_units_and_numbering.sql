create table unit (
  id bigint generated always as identity primary key,
  code text not null unique check (code <> ''),
  display text not null,
  name text not null,
  quantity text not null,
  is_active boolean not null default true
);
comment on table unit is 'A unit of measure. code is its UCUM code, display is what a report prints.';

create table unit_conversion (
  id bigint generated always as identity primary key,
  from_unit_id bigint not null references unit (id) on delete cascade,
  to_unit_id bigint not null references unit (id) on delete cascade,
  substance text not null default '',
  factor numeric not null check (factor <> 0),
  term numeric not null default 0,
  unique (from_unit_id, to_unit_id, substance),
  check (from_unit_id <> to_unit_id)
);
create index unit_conversion_to_unit_idx on unit_conversion (to_unit_id);
comment on table unit_conversion is 'value in to_unit = value in from_unit * factor + term. substance is set where the molar mass matters (mg/dL to mmol/L of glucose).';

create table priority (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  rank smallint not null unique,
  turnaround_minutes integer check (turnaround_minutes > 0),
  color text,
  is_default boolean not null default false,
  is_active boolean not null default true
);
create unique index priority_one_default_key on priority (is_default) where is_default;
comment on table priority is 'How urgent a request is; the lowest rank is worked on first. turnaround_minutes is the promise made for it.';

create table numbering_sequence (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  prefix text not null default '',
  padding smallint not null default 6 check (padding between 1 and 18),
  period text not null default 'YEAR' check (period in ('NONE', 'YEAR', 'MONTH', 'DAY')),
  is_per_laboratory boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table numbering_sequence is 'How numbers of one kind (samples, invoices) are formed: prefix, period, counter padded with zeros.';
create trigger set_updated_at before update on numbering_sequence for each row execute function set_updated_at();

create table numbering_counter (
  numbering_sequence_id bigint not null references numbering_sequence (id) on delete cascade,
  scope text not null,
  last_value bigint not null default 0 check (last_value >= 0),
  primary key (numbering_sequence_id, scope)
);
comment on table numbering_counter is 'The last number given out in one scope (laboratory and period). Updated in the transaction that uses the number, so there are no gaps.';

create function next_number(sequence_code text, for_laboratory_id bigint default null, at timestamptz default now())
returns text
language plpgsql as $$
declare
  rule numbering_sequence;
  stamp text;
  counted bigint;
begin
  select * into rule from numbering_sequence where code = sequence_code;
  if not found then
    raise exception 'no numbering sequence %', sequence_code using errcode = 'no_data_found';
  end if;
  stamp := case rule.period
    when 'YEAR' then to_char(at, 'YY')
    when 'MONTH' then to_char(at, 'YYMM')
    when 'DAY' then to_char(at, 'YYMMDD')
    else '' end;
  insert into numbering_counter as counter (numbering_sequence_id, scope, last_value)
  values (rule.id,
          case when rule.is_per_laboratory then coalesce(for_laboratory_id, 0) || '/' else '' end || stamp, 1)
  on conflict (numbering_sequence_id, scope) do update set last_value = counter.last_value + 1
  returning last_value into counted;
  return rule.prefix
    || case when rule.is_per_laboratory and for_laboratory_id is not null then for_laboratory_id || '-' else '' end
    || case when stamp = '' then '' else stamp || '-' end
    || case when length(counted::text) >= rule.padding then counted::text else lpad(counted::text, rule.padding, '0') end;
end;
$$;
comment on function next_number(text, bigint, timestamptz) is 'The next number of a sequence, gapless within its scope; concurrent callers wait for each other.';
