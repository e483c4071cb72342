import { isTheirs, qualified, rowWithout, schemaMark, settingsMark } from "./describe-text.ts";

/** Functions, types and the other objects of a schema: one query for each kind. */
export const routineQueries = (namespaces: string): string[] => [
  functions(namespaces),
  aggregates(namespaces),
  ...types(namespaces),
  domainConstraints(namespaces),
  operators(namespaces),
  casts(namespaces),
  collations(namespaces),
  ...textSearch(namespaces),
];

const FUNCTION = `${qualified("n.nspname", "p.proname")} || '(' || pg_get_function_identity_arguments(p.oid) || ')'`;

const fromFunctions = (namespaces: string): string =>
  `from pg_proc p join pg_namespace n on n.oid = p.pronamespace and n.oid in (${namespaces})`;

const functions = (namespaces: string): string => `
  select concat_ws(' ',
    case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' when 'w' then 'window function'
      else 'function' end,
    ${FUNCTION},
    '(' || pg_get_function_arguments(p.oid) || ')',
    'returns ' || pg_get_function_result(p.oid),
    l.lanname,
    case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
    case when p.proisstrict then 'strict' end,
    case when p.proleakproof then 'leakproof' end,
    'parallel ' || p.proparallel::text,
    case when p.prosecdef then 'security definer' end,
    'cost ' || p.procost, 'rows ' || nullif(p.prorows, 0),
    'support ' || nullif(p.prosupport::oid, 0)::regproc,
    ${settingsMark("p.proconfig")},
    'transform ' || p.protrftypes::regtype[]::text,
    'as ' || coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), p.probin) as line
  ${fromFunctions(namespaces)} join pg_language l on l.oid = p.prolang
  where ${isTheirs("pg_proc", "p.oid", "p.proname")}`;

const aggregates = (namespaces: string): string => `
  select concat_ws(' ', 'aggregate', ${FUNCTION}, ${rowWithout("a", "aggfnoid", "aggsortop", "aggtranstype", "aggmtranstype")},
    a.aggtranstype::regtype, a.aggmtranstype::regtype, a.aggsortop::regoperator) as line
  ${fromFunctions(namespaces)} join pg_aggregate a on a.aggfnoid = p.oid
  where ${isTheirs("pg_proc", "p.oid", "p.proname")}`;

const TYPE = qualified("n.nspname", "t.typname");

const fromTypes = (namespaces: string): string =>
  `from pg_type t join pg_namespace n on n.oid = t.typnamespace and n.oid in (${namespaces})`;

const THEIR_TYPE = isTheirs("pg_type", "t.oid", "t.typname");

/** Row types are told of by their relations, composite types by the columns of theirs. */
const types = (namespaces: string): string[] => [
  `select concat_ws(' ', 'enum', ${TYPE}, '(' || (select string_agg(quote_literal(e.enumlabel), ', '
      order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid) || ')') as line
  ${fromTypes(namespaces)} where t.typtype = 'e' and ${THEIR_TYPE}`,
  `select concat_ws(' ', 'composite type', ${TYPE}) as line
  ${fromTypes(namespaces)} join pg_class c on c.oid = t.typrelid and c.relkind = 'c'
  where ${THEIR_TYPE}`,
  `select concat_ws(' ', 'range', ${TYPE}, 'of', format_type(r.rngsubtype, null),
    'collate ' || nullif(r.rngcollation, 0)::regcollation,
    (select oc.opcname from pg_opclass oc where oc.oid = r.rngsubopc),
    'canonical ' || nullif(r.rngcanonical::oid, 0)::regproc,
    'difference ' || nullif(r.rngsubdiff::oid, 0)::regproc,
    'multirange ' || nullif(r.rngmultitypid, 0)::regtype) as line
  ${fromTypes(namespaces)} join pg_range r on r.rngtypid = t.oid
  where ${THEIR_TYPE}`,
  `select concat_ws(' ', 'domain', ${TYPE}, 'as', format_type(t.typbasetype, t.typtypmod),
    'collate ' || nullif(t.typcollation, b.typcollation)::regcollation,
    case when t.typnotnull then 'not null' end, 'default ' || t.typdefault) as line
  ${fromTypes(namespaces)} join pg_type b on b.oid = t.typbasetype
  where t.typtype = 'd' and ${THEIR_TYPE}`,
];

const domainConstraints = (namespaces: string): string => `
  select concat_ws(' ', 'constraint', ${TYPE} || '.' || quote_ident(k.conname),
    pg_get_constraintdef(k.oid), case when not k.convalidated then 'unproved' end) as line
  ${fromTypes(namespaces)} join pg_constraint k on k.contypid = t.oid and k.contype <> 'n'
  where ${THEIR_TYPE}`;

const operators = (namespaces: string): string => `
  select concat_ws(' ', 'operator', ${schemaMark("n.nspname")} || '.' || o.oprname, o.oprleft::regtype, o.oprright::regtype,
    'returns ' || o.oprresult::regtype, 'by ' || o.oprcode,
    'commutes with ' || nullif(o.oprcom, 0)::regoperator, 'negates ' || nullif(o.oprnegate, 0)::regoperator,
    'restrict ' || nullif(o.oprrest::oid, 0)::regproc, 'join ' || nullif(o.oprjoin::oid, 0)::regproc,
    case when o.oprcanmerge then 'merges' end, case when o.oprcanhash then 'hashes' end) as line
  from pg_operator o join pg_namespace n on n.oid = o.oprnamespace and n.oid in (${namespaces})
  where ${isTheirs("pg_operator", "o.oid", "o.oprname")}`;

/** Casts lie in no schema: those from or to a type of these are taken. */
const casts = (namespaces: string): string => `
  select concat_ws(' ', 'cast', k.castsource::regtype, 'to', k.casttarget::regtype,
    'with ' || nullif(k.castfunc, 0)::regprocedure, k.castcontext, k.castmethod) as line
  from pg_cast k
  where exists (select from pg_type t where t.oid in (k.castsource, k.casttarget)
      and t.typnamespace in (${namespaces}) and t.typtype not in ('m', 'r'))
    and ${isTheirs("pg_cast", "k.oid", "''")}`;

const collations = (namespaces: string): string => `
  select concat_ws(' ', 'collation', ${qualified("n.nspname", "o.collname")},
    ${rowWithout("o", "oid", "collname", "collnamespace", "collowner", "collversion")}) as line
  from pg_collation o join pg_namespace n on n.oid = o.collnamespace and n.oid in (${namespaces})
  where ${isTheirs("pg_collation", "o.oid", "o.collname")}`;

const textSearch = (namespaces: string): string[] => [
  `select concat_ws(' ', 'text search dictionary', ${qualified("n.nspname", "d.dictname")},
    'like', ${qualified("tn.nspname", "t.tmplname")}, '(' || d.dictinitoption || ')') as line
  from pg_ts_dict d join pg_namespace n on n.oid = d.dictnamespace and n.oid in (${namespaces})
  join pg_ts_template t on t.oid = d.dicttemplate join pg_namespace tn on tn.oid = t.tmplnamespace
  where ${isTheirs("pg_ts_dict", "d.oid", "d.dictname")}`,
  `select concat_ws(' ', 'text search configuration', ${qualified("n.nspname", "f.cfgname")},
    (select string_agg(m.maptokentype || ' ' || m.mapseqno || ' ' || m.mapdict::regdictionary, ', '
      order by m.maptokentype, m.mapseqno) from pg_ts_config_map m where m.mapcfg = f.oid)) as line
  from pg_ts_config f join pg_namespace n on n.oid = f.cfgnamespace and n.oid in (${namespaces})
  where ${isTheirs("pg_ts_config", "f.oid", "f.cfgname")}`,
];
