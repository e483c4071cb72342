/** Schemas that every tenant shares and that a migration may name. */
const SHARED_SCHEMAS = new Set(["pg_catalog", "information_schema", "ext"]);

/** What begins the names of Tenantry's own objects in a tenant schema. */
export const RESERVED_PREFIX = "tenantry_";

/** Fields of parse nodes whose lists of strings are columns, labels or texts, and never one name. */
const NOT_NAMES = new Set([
  ...["pk_attrs", "fk_attrs", "fk_del_set_cols", "keys", "including"],
  ...["colnames", "colNames", "aliases", "aliascolnames", "usingClause", "cols", "columns"],
  ...[
    "search_col_list",
    "cycle_col_list",
    "args",
    "stat_types",
    "vals",
    "tokentype",
    "indirection",
  ],
]);

/** Kinds of objects that are named by their table and a last part of their own. */
const PARTS_OF_TABLES = new Set([
  ...["OBJECT_COLUMN", "OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY"],
  ...["OBJECT_TABCONSTRAINT", "OBJECT_DOMCONSTRAINT"],
]);

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const stringOf = (value: unknown): string | undefined => {
  if (!isNode(value) || !isNode(value.String)) return undefined;
  return typeof value.String.sval === "string" ? value.String.sval : "";
};

/** The strings of a list that holds nothing else, or undefined. */
function stringsOf(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const strings = value.map(stringOf);
  return strings.every((part) => part !== undefined) ? strings : undefined;
}

/**
 * Looks through a whole parse tree for a name that leads out of the tenant schema, or that is
 * Tenantry's own. Every list of strings is held to be a name unless `NOT_NAMES` knows better, so
 * that a kind of node which nobody thought of is refused rather than missed.
 *
 * @returns what is wrong, or undefined
 */
export function strayName(tree: unknown): string | undefined {
  if (Array.isArray(tree)) return firstOf(tree, strayName);
  if (!isNode(tree)) return undefined;
  return firstOf(Object.entries(tree), ([key, value]) => strayField(tree, key, value));
}

function strayField(node: Node, key: string, value: unknown): string | undefined {
  if (key === "schemaname" || key === "catalogname") return outside(value);
  if (key === "newschema") return "objects cannot be moved to another schema";
  if (key === "relname" || key === "idxname" || key === "newname") return reserved(value);
  if (key === "fields") return strayColumn(value);
  if (key === "objects" || key === "object") return strayObjects(node, value);
  if (key === "DefElem") return strayOption(value);
  const strings = stringsOf(value);
  if (strings === undefined) return strayName(value);
  if (key === "funcname" && strings.at(-1) === "set_config") return strayCall(node);
  return NOT_NAMES.has(key) ? undefined : strayParts(strings);
}

/** `a.b.c` in an expression is schema, table and column; `a.b` is an alias and its column. */
function strayColumn(fields: unknown): string | undefined {
  return Array.isArray(fields) && fields.length > 2 ? outside(stringOf(fields[0])) : undefined;
}

/** `set_config` may set what an application names itself, as `app.user`, and nothing else. */
function strayCall(node: Node): string | undefined {
  const [first] = Array.isArray(node.args) ? node.args : [];
  const name = JSON.stringify(first ?? null).match(/"sval":\{"sval":"([^"]*)"\}/)?.[1];
  return name?.includes(".") && isNode(first) && isNode(first.A_Const)
    ? undefined
    : "set_config is not allowed in a tenant migration";
}

/** The targets of DROP, COMMENT, GRANT and their like, which name the kind of object beside them. */
function strayObjects(node: Node, value: unknown): string | undefined {
  const kind = node.removeType ?? node.objtype ?? node.objectType ?? node.renameType;
  const parts = (list: unknown): string | undefined => {
    const strings = stringsOf(isNode(list) && isNode(list.List) ? list.List.items : list);
    if (strings === undefined) return strayName(list);
    const own = typeof kind === "string" && PARTS_OF_TABLES.has(kind);
    return strayParts(own ? strings.slice(0, -1) : strings);
  };
  return Array.isArray(value) ? firstOf(value, parts) : parts(value);
}

/** `OWNED BY table.column` and function bodies are lists of strings too. */
function strayOption(value: unknown): string | undefined {
  if (!isNode(value)) return undefined;
  if (value.defname === "as") return undefined;
  const list = isNode(value.arg) && isNode(value.arg.List) ? value.arg.List.items : undefined;
  const strings = stringsOf(list);
  if (strings === undefined) return strayName(value.arg);
  return strayParts(value.defname === "owned_by" ? strings.slice(0, -1) : strings);
}

function strayParts(strings: readonly string[]): string | undefined {
  if (strings.length > 1) return outside(strings.at(-2));
  return reserved(strings[0]);
}

function outside(schema: unknown): string | undefined {
  if (typeof schema !== "string" || SHARED_SCHEMAS.has(schema)) return undefined;
  return `names qualified with a schema are not allowed: "${schema}"`;
}

function reserved(name: unknown): string | undefined {
  if (typeof name !== "string" || !name.startsWith(RESERVED_PREFIX)) return undefined;
  return `names beginning with "${RESERVED_PREFIX}" are reserved: "${name}"`;
}

function firstOf<T>(
  values: readonly T[],
  look: (value: T) => string | undefined,
): string | undefined {
  for (const value of values) {
    const found = look(value);
    if (found !== undefined) return found;
  }
  return undefined;
}
