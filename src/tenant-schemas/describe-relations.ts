import { isTheirs, qualified, roleMark, sortedList } from "./describe-text.ts";

const RELATION = qualified("n.nspname", "c.relname");

const FROM_RELATION = (namespaces: string): string =>
  `from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.oid in (${namespaces})`;

const THEIRS = isTheirs("pg_class", "c.oid", "c.relname");

/** Tables, views and the like, and all that hangs on them: one query for each kind. */
export const relationQueries = (namespaces: string): string[] => {
  const from = FROM_RELATION(namespaces);
  return [
    relations(from),
    columns(from),
    inheritance(from),
    constraints(from),
    indexes(from),
    sequences(from),
    triggers(from),
    rules(from),
    ...policies(from),
    statistics(namespaces),
  ];
};

const relations = (from: string): string => `
  select concat_ws(' ',
    case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
      when 'm' then 'materialized view' when 'f' then 'foreign table' else c.relkind::text end,
    ${RELATION},
    case c.relpersistence when 'u' then 'unlogged' when 't' then 'temporary' end,
    'using ' || am.amname,
    'tablespace ' || space.spcname,
    'with (' || ${sortedList("c.reloptions")} || ')',
    case when c.relrowsecurity then 'row level security' end,
    case when c.relforcerowsecurity then 'forced' end,
    case c.relreplident when 'n' then 'replica identity nothing'
      when 'f' then 'replica identity full' when 'i' then 'replica identity by index' end,
    'of type ' || nullif(c.reloftype, 0)::regtype,
    case when c.relkind = 'p' then 'partition by ' || pg_get_partkeydef(c.oid) end,
    'partition ' || pg_get_expr(c.relpartbound, c.oid),
    case when c.relkind = 'm' and not c.relispopulated then 'not populated' end,
    'server ' || server.srvname || ' (' || ${sortedList("f.ftoptions")} || ')',
    case when c.relkind in ('v', 'm') then 'as ' || pg_get_viewdef(c.oid) end) as line
  ${from}
  left join pg_am am on am.oid = c.relam
  left join pg_tablespace space on space.oid = c.reltablespace
  left join pg_foreign_table f on f.ftrelid = c.oid
  left join pg_foreign_server server on server.oid = f.ftserver
  where c.relkind not in ('i', 'I', 'S', 'c', 't') and ${THEIRS}`;

/** Newer minor versions (15.20) keep a counter among the options of a column, which pg_dump leaves out, too. */
const COLUMN_OPTIONS = `array(select option from unnest(a.attoptions) as option
  where not starts_with(option, 'pg_attver='))`;

/** In rank order: a column that was dropped leaves a gap in their numbers. */
const columns = (from: string): string => `
  select concat_ws(' ', 'column', ${RELATION} || '.' || quote_ident(a.attname),
    'at ' || row_number() over (partition by c.oid order by a.attnum),
    format_type(a.atttypid, a.atttypmod),
    case when a.attcollation <> t.typcollation then 'collate ' || a.attcollation::regcollation end,
    case when a.attnotnull then 'not null' end,
    case a.attgenerated when 's' then 'stored' when 'v' then 'virtual' end,
    'default ' || pg_get_expr(d.adbin, d.adrelid),
    case a.attidentity when 'a' then 'identity always' when 'd' then 'identity by default' end,
    case when a.attstorage <> t.typstorage then 'storage ' || a.attstorage::text end,
    'compression ' || nullif(a.attcompression::text, ''),
    'statistics ' || nullif(a.attstattarget, -1),
    'with (' || ${sortedList(COLUMN_OPTIONS)} || ')',
    'options (' || ${sortedList("a.attfdwoptions")} || ')',
    case when not a.attislocal then 'inherited' end) as line
  ${from}
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where c.relkind not in ('i', 'I', 'S', 't') and ${THEIRS}`;

const inheritance = (from: string): string => `
  select concat_ws(' ', 'inherits', ${RELATION}, ${qualified("pn.nspname", "p.relname")},
    'at ' || i.inhseqno, case when i.inhdetachpending then 'detaching' end) as line
  ${from}
  join pg_inherits i on i.inhrelid = c.oid
  join pg_class p on p.oid = i.inhparent
  join pg_namespace pn on pn.oid = p.relnamespace
  where ${THEIRS}`;

/** PostgreSQL 18 keeps NOT NULL as constraints, too: the columns tell it for all versions. */
const constraints = (from: string): string => `
  select concat_ws(' ', 'constraint', ${RELATION} || '.' || quote_ident(k.conname),
    pg_get_constraintdef(k.oid),
    case when not k.convalidated then 'unproved' end,
    case when k.condeferrable then 'may wait' end,
    case when k.condeferred then 'waits' end,
    case when k.connoinherit then 'not for children' end,
    case when not k.conislocal then 'inherited' end) as line
  ${from}
  join pg_constraint k on k.conrelid = c.oid and k.contype <> 'n'
  where ${THEIRS}`;

const indexes = (from: string): string => `
  select concat_ws(' ', 'index', ${qualified("n.nspname", "x.relname")},
    pg_get_indexdef(i.indexrelid),
    'tablespace ' || space.spcname,
    case when not i.indisvalid then 'invalid' end,
    case when not i.indisready then 'not ready' end,
    case when not i.indislive then 'being dropped' end,
    case when i.indisclustered then 'clustered' end,
    case when i.indisreplident then 'is the replica identity' end,
    'statistics (' || (select string_agg(a.attnum || ' ' || a.attstattarget, ', ' order by a.attnum)
      from pg_attribute a where a.attrelid = x.oid and a.attstattarget >= 0) || ')') as line
  ${from}
  join pg_index i on i.indrelid = c.oid
  join pg_class x on x.oid = i.indexrelid
  left join pg_tablespace space on space.oid = x.reltablespace
  where c.relkind <> 't' and ${THEIRS}`;

const sequences = (from: string): string => `
  select concat_ws(' ', 'sequence', ${RELATION}, format_type(s.seqtypid, null),
    case c.relpersistence when 'u' then 'unlogged' end,
    'start ' || s.seqstart, 'by ' || s.seqincrement, 'from ' || s.seqmin, 'to ' || s.seqmax,
    'cache ' || s.seqcache, case when s.seqcycle then 'cycles' end,
    case o.deptype when 'i' then 'identity of ' else 'owned by ' end
      || ${qualified("tn.nspname", "t.relname")} || '.' || quote_ident(a.attname)) as line
  ${from}
  join pg_sequence s on s.seqrelid = c.oid
  left join pg_depend o on o.classid = 'pg_class'::regclass and o.objid = c.oid
    and o.refclassid = 'pg_class'::regclass and o.refobjsubid > 0 and o.deptype in ('a', 'i')
  left join pg_class t on t.oid = o.refobjid
  left join pg_namespace tn on tn.oid = t.relnamespace
  left join pg_attribute a on a.attrelid = o.refobjid and a.attnum = o.refobjsubid
  where ${THEIRS}`;

/** Those that check foreign keys are told of where they are switched off; their names hold numbers. */
const triggers = (from: string): string => `
  select concat_ws(' ', 'trigger', ${RELATION} || '.' || quote_ident(case when g.tgisinternal
      then 'constraint ' || coalesce(k.conname, '') || ' ' || p.proname else g.tgname end),
    case when not g.tgisinternal then pg_get_triggerdef(g.oid) end,
    case g.tgenabled when 'D' then 'disabled' when 'R' then 'on replicas' when 'A' then 'always' end)
    as line
  ${from}
  join pg_trigger g on g.tgrelid = c.oid and not (g.tgisinternal and g.tgenabled = 'O')
  join pg_proc p on p.oid = g.tgfoid
  left join pg_constraint k on k.oid = g.tgconstraint
  where ${THEIRS}`;

const rules = (from: string): string => `
  select concat_ws(' ', 'rule', ${RELATION} || '.' || quote_ident(r.rulename), pg_get_ruledef(r.oid),
    case r.ev_enabled when 'D' then 'disabled' when 'R' then 'on replicas' when 'A' then 'always' end)
    as line
  ${from}
  join pg_rewrite r on r.ev_class = c.oid and r.rulename <> '_RETURN'
  where ${THEIRS}`;

const POLICY = `${RELATION} || '.' || quote_ident(p.polname)`;

const policies = (from: string): string[] => [
  `select concat_ws(' ', 'policy', ${POLICY},
    case when p.polpermissive then 'permissive' else 'restrictive' end, 'for ' || p.polcmd::text,
    'using ' || pg_get_expr(p.polqual, p.polrelid),
    'check ' || pg_get_expr(p.polwithcheck, p.polrelid)) as line
  ${from} join pg_policy p on p.polrelid = c.oid
  where ${THEIRS}`,
  `select concat_ws(' ', 'policy', ${POLICY}, 'to', coalesce(${roleMark("r.rolname")}, 'PUBLIC')) as line
  ${from} join pg_policy p on p.polrelid = c.oid
  cross join unnest(p.polroles) as one (role) left join pg_roles r on r.oid = one.role
  where ${THEIRS}`,
];

const statistics = (namespaces: string): string => `
  select concat_ws(' ', 'statistics', ${qualified("n.nspname", "s.stxname")},
    pg_get_statisticsobjdef(s.oid), 'target ' || nullif(s.stxstattarget, -1)) as line
  from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace and n.oid in (${namespaces})
  where ${isTheirs("pg_statistic_ext", "s.oid", "s.stxname")}`;
