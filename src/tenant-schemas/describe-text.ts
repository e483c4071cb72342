/**
 * SQL that says what an object is. Every query of a description answers one column, `line`, in which the
 * names of schemas, roles and paths stand between two marks, characters of Unicode's private use: they are
 * given their labels afterwards, so that two schemas can be compared.
 */
const MARKS = { role: 0xe000, schema: 0xe001, path: 0xe002 } as const;

/** A mark, in SQL: tenant databases are in UTF8. */
const mark = (of: keyof typeof MARKS): string => `chr(${MARKS[of]})`;

/** A name of a schema that is to be labelled, in SQL. */
export const schemaMark = (name: string): string =>
  `${mark("schema")} || ${name} || ${mark("schema")}`;

/** A name of a role that is to be labelled, in SQL. */
export const roleMark = (name: string): string => `${mark("role")} || ${name} || ${mark("role")}`;

/** The settings of a function, in SQL; a search_path among them names schemas without a dot. */
export const settingsMark = (list: string): string =>
  `'set ' || ${mark("path")} || array_to_string(${list}, ${mark("path")} || ' set ' || ${mark("path")}) || ${mark("path")}`;

/** A qualified name, in SQL. */
export const qualified = (schema: string, name: string): string =>
  `${schemaMark(schema)} || '.' || quote_ident(${name})`;

/** Whether an object is neither Tenantry's own nor an extension's, in SQL. */
export const isTheirs = (catalog: string, oid: string, name: string): string =>
  `not starts_with(${name}::text, 'tenantry_') and not exists (select from pg_depend member
    where member.classid = '${catalog}'::regclass and member.objid = ${oid}
      and member.deptype = 'e')`;

/** A list of settings in an order of its own, in SQL; null where it is empty. */
export const sortedList = (list: string): string =>
  `nullif(array_to_string(array(select unnest(${list})::text order by 1), ', '), '')`;

/** What is left of a row of a catalog without the columns that differ from database to database. */
export const rowWithout = (alias: string, ...columns: readonly string[]): string =>
  `(to_jsonb(${alias}) - array[${columns.map((column) => `'${column}'`).join(", ")}])::text`;

/** Puts labels in the place of names. */
export interface Labels {
  readonly schemas: ReadonlyMap<string, string>;
  readonly roles: ReadonlyMap<string, string>;
}

/**
 * Makes a function that labels a line. Names inside of expressions, which PostgreSQL has put together
 * (`org_acme.sample`), and of bodies are found by a pattern: a column or an alias of the schema's very
 * name would be taken for it. That does for two schemas made of the same files; where drift of tenants is
 * told from descriptions, the parser (`src/sql-files`) is to find the names instead.
 */
export function labeller({ schemas, roles }: Labels): (line: string) => string {
  const labelOf = (name: string) => schemas.get(name) ?? name;
  const names = [...schemas.keys()].toSorted((a, b) => b.length - a.length);
  const written = names.flatMap((name) => [`"${name.replaceAll('"', '""')}"`, name]);
  const either = written.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|");
  const inText = new RegExp(`(?<![\\w$])(${either})(?=\\.)|(?<=')(${either})(?=')`, "g");
  const inPath = new RegExp(`(?<=[=, ])(${either})(?=$|[, ])`, "g");
  const bare = (name: string) =>
    schemas.has(name) ? name : name.slice(1, -1).replaceAll('""', '"');
  const label = (text: string) => labelOf(bare(text));
  return (line) =>
    line
      .replace(inText, (found) => label(found))
      .replace(/\uE002([^\uE002]*)\uE002/g, (_, path: string) => path.replace(inPath, label))
      .replace(/\uE001([^\uE001]*)\uE001/g, (_, name: string) => labelOf(name))
      .replace(/\uE000([^\uE000]*)\uE000/g, (_, name: string) => roles.get(name) ?? name);
}
