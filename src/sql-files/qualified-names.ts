import { RESERVED_PREFIX } from "./sql-file.ts";
import { ledgerColumns } from "./tool-ledgers.ts";

/** Schemas that every tenant shares or has for itself, and that a migration may name. */
const SHARED_SCHEMAS = new Set(["pg_catalog", "information_schema", "ext", "pg_temp"]);

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
export function stringsOf(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const strings = value.map(stringOf);
  return strings.every((part) => part !== undefined) ? strings : undefined;
}

/** What the names of a statement lead to. */
export interface NamesOfTree {
  /** Schemas outside of those that a migration may name, in the order of their places. */
  readonly schemas: readonly string[];
  /** A name that is never allowed. */
  readonly fault: string | undefined;
  /** Where `home.x` is the column `x` of a table that is called so: bytes of the file. */
  readonly aliases: readonly number[];
  /** The tools' own tables that it speaks of, each with the schema before it. */
  readonly ledgers: ReadonlyMap<string, string | null>;
}

/** Takes every lock from a session, also that by which a late session of ours is found. */
export const UNLOCK_ALL = "pg_advisory_unlock_all";

/**
 * Looks through a whole parse tree for names that lead out of the tenant schema, or that are
 * Tenantry's own. Every list of strings is held to be a name unless `NOT_NAMES` knows better, so
 * that a kind of node which nobody thought of is refused rather than missed.
 *
 * @param homes what the tenant's schema is called in the file
 */
export function namesOfTree(tree: unknown, homes: readonly string[]): NamesOfTree {
  const look = new Look(homes);
  look.at(tree);
  const { schemas, fault, aliases, ledgers } = look;
  return { schemas: [...schemas], fault, aliases, ledgers };
}

class Look {
  readonly schemas = new Set<string>();
  readonly aliases: number[] = [];
  readonly ledgers = new Map<string, string | null>();
  fault: string | undefined;
  readonly #homes: readonly string[];

  constructor(homes: readonly string[]) {
    this.#homes = homes;
  }

  at(tree: unknown): void {
    if (Array.isArray(tree)) for (const each of tree) this.at(each);
    else if (isNode(tree))
      for (const [key, value] of Object.entries(tree)) this.#field(tree, key, value);
  }

  #field(node: Node, key: string, value: unknown): void {
    switch (key) {
      case "catalogname":
        this.#outside(value, true);
        break;
      case "schemaname":
        this.#outside(value);
        break;
      case "relname":
        this.#ledger(value, node.schemaname);
        this.#reserved(value);
        break;
      case "idxname":
      case "newname":
        this.#reserved(value);
        break;
      case "fields":
        this.#column(node, value);
        break;
      case "objects":
      case "object":
        this.#objects(node, value);
        break;
      case "DefElem":
        this.#option(value);
        break;
      default:
        this.#list(node, key, value);
    }
  }

  #list(node: Node, key: string, value: unknown): void {
    const strings = stringsOf(value);
    if (strings === undefined) this.at(value);
    else if (!NOT_NAMES.has(key)) this.#parts(strings);
    if (key !== "funcname") return;
    if (strings?.at(-1) === "set_config") this.#setConfig(node);
    if (strings?.at(-1) === UNLOCK_ALL)
      this.fault ??= `${UNLOCK_ALL} is not allowed in a tenant migration`;
  }

  /** `a.b.c` in an expression is schema, table and column; `a.b` is an alias and its column. */
  #column(node: Node, fields: unknown): void {
    if (!Array.isArray(fields)) return;
    if (fields.length > 2) this.#outside(stringOf(fields[0]));
    else if (fields.length === 2 && this.#homes.includes(stringOf(fields[0]) ?? ""))
      this.aliases.push(Number(node.location ?? 0));
  }

  /** `set_config` may set what an application names itself, as `app.user`, and what SET may. */
  #setConfig(node: Node): void {
    const [first, second] = Array.isArray(node.args) ? node.args.map(constantOf) : [];
    if (first?.includes(".")) return;
    const fault =
      first === undefined || second === undefined
        ? "set_config needs a name and a value that are written out in a tenant migration"
        : this.#setting(first.toLowerCase(), second);
    this.fault ??= fault;
  }

  #setting(name: string, value: string): string | undefined {
    if (name === "search_path") {
      for (const schema of pathOf(value)) this.#outside(schema);
      return undefined;
    }
    return HARMLESS_SETTINGS.has(name)
      ? undefined
      : `set_config of ${name} is not allowed in a tenant migration`;
  }

  /** The targets of DROP, COMMENT, GRANT and their like, which name the kind of object beside them. */
  #objects(node: Node, value: unknown): void {
    const kind = node.removeType ?? node.objtype ?? node.objectType ?? node.renameType;
    const parts = (list: unknown): void => {
      const strings = stringsOf(isNode(list) && isNode(list.List) ? list.List.items : list);
      const own = typeof kind === "string" && PARTS_OF_TABLES.has(kind);
      if (strings === undefined) this.at(list);
      else this.#parts(own ? strings.slice(0, -1) : strings);
    };
    if (kind === "OBJECT_SCHEMA" || kind === "OBJECT_EXTENSION") return;
    if (Array.isArray(value)) for (const each of value) parts(each);
    else parts(value);
  }

  /** `OWNED BY table.column` and function bodies are lists of strings too. */
  #option(value: unknown): void {
    if (!isNode(value) || value.defname === "as") return;
    const list = isNode(value.arg) && isNode(value.arg.List) ? value.arg.List.items : undefined;
    const strings = stringsOf(list);
    if (strings === undefined) this.at(value.arg);
    else if (value.defname === "schemas") for (const schema of strings) this.#outside(schema);
    else this.#parts(value.defname === "owned_by" ? strings.slice(0, -1) : strings);
  }

  #parts(strings: readonly string[]): void {
    this.#ledger(strings.at(-1), strings.at(-2));
    if (strings.length > 2) this.#outside(strings.at(-3), true);
    if (strings.length > 1) this.#outside(strings.at(-2));
    else this.#reserved(strings[0]);
    this.#reserved(strings.at(-1));
  }

  #outside(schema: unknown, catalog = false): void {
    if (typeof schema !== "string") return;
    if (catalog) this.fault ??= `names qualified with a database are not allowed: "${schema}"`;
    else if (!this.#homes.includes(schema) && !SHARED_SCHEMAS.has(schema)) this.schemas.add(schema);
  }

  #ledger(name: unknown, schema: unknown): void {
    if (typeof name === "string" && ledgerColumns(name) !== undefined)
      this.ledgers.set(name, typeof schema === "string" ? schema : null);
  }

  #reserved(name: unknown): void {
    if (typeof name === "string" && name.startsWith(RESERVED_PREFIX))
      this.fault ??= `names beginning with "${RESERVED_PREFIX}" are reserved: "${name}"`;
  }
}

/** The value of a constant in an expression, also under a cast; undefined for anything else. */
export function constantOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (isNode(node.TypeCast)) return constantOf(node.TypeCast.arg);
  if (!isNode(node.A_Const)) return undefined;
  const { sval, ival, fval, boolval, isnull } = node.A_Const as Record<string, Node | undefined>;
  if (isnull !== undefined) return undefined;
  if (sval !== undefined) return String(sval.sval ?? "");
  if (ival !== undefined) return String(ival.ival ?? 0);
  if (fval !== undefined) return String(fval.fval ?? "");
  return boolval === undefined ? undefined : String(boolval.boolval ?? false);
}

/** Entries of a search path that are no schema of their own. */
const NO_SCHEMA = new Set(["", "$user", "public", "extensions"]);

/** The schemas of a search path that have to be looked at; `public` there is where extensions lie. */
export const pathOf = (value: string): string[] =>
  value
    .split(",")
    .map((entry) => entry.trim().replace(/^"(.*)"$/, "$1"))
    .filter((entry) => !NO_SCHEMA.has(entry));

/** Settings that a migration may change for its own statements. */
export const HARMLESS_SETTINGS: ReadonlySet<string> = new Set([
  ...["lock_timeout", "statement_timeout", "client_min_messages", "check_function_bodies"],
  ...["timezone", "datestyle", "intervalstyle", "work_mem", "maintenance_work_mem", "bytea_output"],
  ...["synchronous_commit", "xmloption", "jit", "row_security", "extra_float_digits"],
  ...["enable_seqscan", "max_parallel_maintenance_workers", "default_toast_compression"],
  ...["plpgsql.variable_conflict"],
]);
