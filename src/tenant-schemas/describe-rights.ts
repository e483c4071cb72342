import { isTheirs, qualified, roleMark, schemaMark } from "./describe-text.ts";

/** A catalog whose objects have an owner. */
interface Owned {
  readonly catalog: string;
  /** What begins the names of its columns. */
  readonly prefix: string;
  /** What the objects are called in a line, in SQL. */
  readonly kind: string;
  /** The column with their rights and the letter of their kind, where they have any. */
  readonly acl?: readonly [column: string, letter: string];
  readonly only?: string;
}

const OWNED: readonly Owned[] = [
  {
    catalog: "pg_class",
    prefix: "rel",
    kind: "'relation'",
    acl: ["o.relacl", `case o.relkind when 'S' then 's' else 'r' end::"char"`],
    only: "o.relkind not in ('i', 'I', 'c', 't')",
  },
  {
    catalog: "pg_proc",
    prefix: "pro",
    acl: ["o.proacl", "'f'"],
    kind: "'routine (' || pg_get_function_identity_arguments(o.oid) || ')'",
  },
  {
    catalog: "pg_type",
    prefix: "typ",
    kind: "'type'",
    acl: ["o.typacl", "'T'"],
    only: `o.typtype not in ('m', 'p') and o.typelem = 0
      and (o.typrelid = 0 or exists (select from pg_class c where c.oid = o.typrelid and c.relkind = 'c'))`,
  },
  {
    catalog: "pg_operator",
    prefix: "opr",
    kind: "'operator (' || o.oprleft::regtype || ', ' || o.oprright::regtype || ')'",
  },
  { catalog: "pg_collation", prefix: "coll", kind: "'collation'" },
  { catalog: "pg_statistic_ext", prefix: "stx", kind: "'statistics'" },
  { catalog: "pg_ts_dict", prefix: "dict", kind: "'text search dictionary'" },
  { catalog: "pg_ts_config", prefix: "cfg", kind: "'text search configuration'" },
];

/** Owners in lines that begin with `owner`, rights in lines that begin with `grant`. */
export const rightsQueries = (namespaces: string): string[] => [
  ...OWNED.flatMap((owned) => [
    ownersOf(owned, namespaces),
    ...(owned.acl ? [grantsOf(owned, owned.acl, namespaces)] : []),
  ]),
  `select concat_ws(' ', 'owner schema', ${schemaMark("n.nspname")}, ${roleMark("pg_get_userbyid(n.nspowner)")}) as line
   from pg_namespace n where n.oid in (${namespaces})`,
  granted(
    `'schema ' || ${schemaMark("n.nspname")}`,
    `from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
     where n.oid in (${namespaces})`,
  ),
  granted(
    `'column ' || ${qualified("n.nspname", "c.relname")} || '.' || quote_ident(o.attname)`,
    `from pg_attribute o join pg_class c on c.oid = o.attrelid and not o.attisdropped
     join pg_namespace n on n.oid = c.relnamespace and n.oid in (${namespaces}), aclexplode(o.attacl) as a
     where ${isTheirs("pg_class", "c.oid", "c.relname")}`,
  ),
  granted(
    `'on future ' || d.defaclobjtype::text || ' of ' || ${roleMark("pg_get_userbyid(d.defaclrole)")}
       || coalesce(' in ' || ${schemaMark("n.nspname")}, '')`,
    `from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace, aclexplode(d.defaclacl) as a
     where d.defaclnamespace in (${namespaces}) or d.defaclnamespace = 0
       and d.defaclrole in (select nspowner from pg_namespace where oid in (${namespaces}))`,
  ),
];

const nameOf = ({ prefix, kind }: Owned): string =>
  `${kind} || ' ' || ${qualified("n.nspname", `o.${prefix}name`)}`;

const from = ({ catalog, prefix }: Owned, namespaces: string): string =>
  `from ${catalog} o join pg_namespace n on n.oid = o.${prefix}namespace and n.oid in (${namespaces})`;

const which = ({ catalog, prefix, only = "true" }: Owned): string =>
  `where ${isTheirs(catalog, "o.oid", `o.${prefix}name`)} and ${only}`;

const ownersOf = (owned: Owned, namespaces: string): string =>
  `select concat_ws(' ', 'owner', ${nameOf(owned)}, ${roleMark(`pg_get_userbyid(o.${owned.prefix}owner)`)}) as line
   ${from(owned, namespaces)} ${which(owned)}`;

/** The rights that hold, also those that nobody has granted: what the server implies is told, too. */
const grantsOf = (
  owned: Owned,
  [column, letter]: readonly [string, string],
  namespaces: string,
): string =>
  granted(
    nameOf(owned),
    `${from(owned, namespaces)},
     aclexplode(coalesce(${column}, acldefault(${letter}, o.${owned.prefix}owner))) as a ${which(owned)}`,
  );

/** One line for each object and role, with its rights in order. */
const granted = (what: string, rest: string): string =>
  `select concat_ws(' ', 'grant', what, 'to', role, string_agg(right_, ', ' order by right_)) as line
   from (select ${what} as what, case a.grantee when 0 then 'PUBLIC' else ${roleMark("pg_get_userbyid(a.grantee)")} end as role,
     a.privilege_type || case when a.is_grantable then ' with grant option' else '' end as right_
     ${rest}) as found group by what, role`;

/** Catalogs whose objects the queries take; of pg_type those that are told of, or made beside another. */
const TAKEN = [
  ...["pg_class", "pg_proc", "pg_operator", "pg_collation", "pg_statistic_ext"],
  ...["pg_ts_dict", "pg_ts_config", "pg_default_acl", "pg_extension"],
];

/** Whatever lies in the schemas and is none of what the queries take. */
export const unmodelledQuery = (namespaces: string): string => `
  select concat_ws(' ', 'unmodelled', pg_describe_object(d.classid, d.objid, d.objsubid)) as line
  from pg_depend d
  left join pg_type t on d.classid = 'pg_type'::regclass and t.oid = d.objid
  where d.refclassid = 'pg_namespace'::regclass and d.refobjid in (${namespaces})
    and d.classid not in (${TAKEN.map((name) => `'${name}'::regclass`).join(", ")})
    and not (d.classid = 'pg_type'::regclass and (t.typtype in ('e', 'c', 'd', 'r', 'm') or t.typcategory = 'A'))
    and not exists (select from pg_depend member where member.classid = d.classid
      and member.objid = d.objid and member.deptype = 'e')`;
