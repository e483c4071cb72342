import { type EntityName, type FilterQuery, raw } from "@mikro-orm/core";
import { DomainError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
import { fieldFault } from "../kernel/input.ts";
import type { EntityManager } from "./orm.ts";

/** Rows of a page at most, and unless told. */
const LARGEST_PAGE = 100;
export const USUAL_PAGE = 20;

/** Which page of a list is wanted, as Relay has it: forward from a row, or backward. */
export interface PageRequest {
  /** How many rows from the beginning, or behind `after`: 1 to 100; 20 where `last` is absent, too. */
  readonly first?: number | null | undefined;
  /** The cursor of the row before the page. */
  readonly after?: string | null | undefined;
  /** How many rows up to the end, or up to `before`: 1 to 100. */
  readonly last?: number | null | undefined;
  /** The cursor of the row behind the page. */
  readonly before?: string | null | undefined;
}

/** A page of a list, in the list's order. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  /** The opaque place of a row in this list. */
  cursorOf(row: Row): string;
}

/** What a list can be ordered by: a column, with a row's value in it as a cursor has it. */
export interface ListKey {
  /** The name of a field, whose column is never null unless `expression` takes its place. */
  readonly field: string;
  /** An SQL expression instead of the column, for the table's alias. */
  expression?(alias: string): string;
  /** Whether its values are unique, so that nothing has to decide between equal ones. */
  readonly unique?: true;
  /** What a cursor's text stands for; null for a text that is no value of the column. */
  parse(text: string): unknown;
  /** A row's value as a cursor has it; its column's, unless told. */
  textOf?(row: never): string;
}

/** Ids begin with the time of their making. */
export const BY_ID: ListKey = {
  field: "id",
  unique: true,
  parse: (text) => (isId(text) ? text : null),
};

/** Rows that the database numbers. */
export const BY_SEQUENCE: ListKey = {
  field: "sequence",
  unique: true,
  parse: (text) => (/^\d{1,18}$/.test(text) ? BigInt(text) : null),
};

/** A column of texts. */
export const byText = (field: string): ListKey => ({ field, parse: (text) => text });

/** A column of moments. */
export const byMoment = (field: string): ListKey => ({
  field,
  parse: (text) => (Number.isNaN(Date.parse(text)) ? null : new Date(text)),
  textOf: (row: never) => (row as Record<string, Date>)[field]?.toISOString() ?? "",
});

/** The rows that were made in a span of time, as far as it is bounded: its end is not part of it. */
export const between = (after: Date | undefined, before: Date | undefined) =>
  after === undefined && before === undefined
    ? {}
    : {
        createdAt: {
          ...(after === undefined ? {} : { $gte: after }),
          ...(before === undefined ? {} : { $lt: before }),
        },
      };

export type Direction = "ASC" | "DESC";

interface List<Row> {
  /** Its cursors carry it, with what it is ordered by: a cursor of another list is refused. */
  readonly name: string;
  readonly entity: EntityName<Row>;
  /** By the id unless told. */
  readonly key?: ListKey;
  /** The newest or greatest first, unless told. */
  readonly direction?: Direction;
}

/**
 * Reads a page by its keys: the place in the list is a comparison of an indexed column, however deep the
 * page lies.
 *
 * @throws DomainError E_VALIDATION for `first` and `last`, E_INVALID_CURSOR for `after` and `before`
 */
export async function findPage<Row extends { id: string }>(
  em: EntityManager,
  list: List<Row>,
  where: FilterQuery<Row>,
  request: PageRequest,
): Promise<Page<Row>> {
  const { entity, key = BY_ID, direction = "DESC" } = list;
  const { size, backward } = sizeOf(request);
  const { after = null, before = null } = request;
  const ascending = (direction === "ASC") !== backward;
  const bounds = [
    ...(after === null ? [] : [beyond(em, list, after, direction === "ASC")]),
    ...(before === null ? [] : [beyond(em, list, before, direction !== "ASC")]),
  ];
  const order = ascending ? "asc" : "desc";
  const found = await em.find(entity, { $and: [where, ...bounds] } as FilterQuery<Row>, {
    orderBy: [{ [columnOf(key)]: order }, ...(key.unique ? [] : [{ id: order }])] as never,
    limit: size + 1,
  });
  const rows = found.slice(0, size);
  const more = found.length > size;
  return {
    rows: backward ? rows.reverse() : rows,
    hasNextPage: backward ? before !== null : more,
    hasPreviousPage: backward ? more : after !== null,
    cursorOf: (row) =>
      encode([...placeIn(list), textOf(key, row), ...(key.unique ? [] : [row.id])]),
  };
}

/** How many rows are wanted, and from which end. @throws DomainError E_VALIDATION */
export function sizeOf({ first, last }: Pick<PageRequest, "first" | "last">): {
  readonly size: number;
  readonly backward: boolean;
} {
  if (first != null && last != null) throw fieldFault("last", "cannot be given with `first`");
  if (last != null) return { size: checkPageSize(last, "last"), backward: true };
  return { size: checkPageSize(first ?? USUAL_PAGE), backward: false };
}

/**
 * Lets a page size of 1 to 100 pass.
 *
 * @throws DomainError E_VALIDATION naming the argument
 */
function checkPageSize(size: number, argument: "first" | "last" = "first"): number {
  if (Number.isInteger(size) && size >= 1 && size <= LARGEST_PAGE) return size;
  throw fieldFault(argument, `must be 1 to ${LARGEST_PAGE}`);
}

const textOf = <Row extends { id: string }>(key: ListKey, row: Row): string =>
  key.textOf?.(row as never) ?? String(row[key.field as keyof Row]);

/** A key of MikroORM's queries: a field's name, or what stands for an expression, made anew for each use. */
const columnOf = ({ field, expression }: ListKey): string =>
  expression ? (raw(expression) as unknown as string) : field;

/** What the cursors of a list begin with: its name, and what it is ordered by. */
const placeIn = ({
  name,
  key = BY_ID,
  direction = "DESC",
}: Pick<List<unknown>, "name" | "key" | "direction">): string[] => [name, key.field, direction];

const encode = (parts: readonly string[]): string =>
  Buffer.from(JSON.stringify(parts)).toString("base64url");

/**
 * The rows beyond a cursor. Of equal values the id decides, by one comparison of rows: it bounds what is read
 * of the index of both, also where many values are equal.
 */
function beyond<Row extends { id: string }>(
  em: EntityManager,
  list: List<Row>,
  cursor: string,
  greater: boolean,
): FilterQuery<Row> {
  const { unique, parse, field, expression } = list.key ?? BY_ID;
  const [text = "", id] = decode(cursor, placeIn(list), unique ? 1 : 2);
  const value = parse(text);
  if (value === null || (!unique && !isId(id ?? ""))) throw new DomainError("E_INVALID_CURSOR");
  if (unique) return { [field]: { [greater ? "$gt" : "$lt"]: value } } as FilterQuery<Row>;
  const column = em.getMetadata(list.entity).props.find(({ name }) => name === field)
    ?.fieldNames[0];
  const rows = raw(
    (alias) => {
      const row = `(${expression?.(alias) ?? `${alias}.${column}`}, ${alias}.id)`;
      // PostgreSQL estimates by the first column alone: `>` would leave out all equal values.
      return `(${row} ${greater ? ">=" : "<="} (?, ?) and ${row} <> (?, ?))`;
    },
    [value, id, value, id],
  );
  return { [rows]: [] } as FilterQuery<Row>;
}

/** What stands behind a list's own beginning in a cursor. @throws DomainError E_INVALID_CURSOR */
function decode(cursor: string, begins: readonly string[], length: number): string[] {
  const parts = partsOf(Buffer.from(cursor, "base64url").toString());
  const own = begins.every((part, index) => parts[index] === part);
  if (own && parts.length === begins.length + length) return parts.slice(begins.length);
  throw new DomainError("E_INVALID_CURSOR");
}

function partsOf(text: string): string[] {
  try {
    const parts: unknown = JSON.parse(text);
    return Array.isArray(parts) ? parts.map(String) : [];
  } catch {
    return [];
  }
}
