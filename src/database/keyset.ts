import type { EntityName, FilterQuery } from "@mikro-orm/core";
import { DomainError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
import { fieldFault } from "../kernel/input.ts";
import type { EntityManager } from "./orm.ts";

/** Rows of a page at most. */
const LARGEST_PAGE = 100;

/** Which page of a list is wanted. */
export interface PageRequest {
  /** How many rows, 1 to 100. */
  readonly first: number;
  /** The cursor of the row before the page; null for the first page. */
  readonly after: string | null;
}

/** A page of a list, newest first. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly hasNextPage: boolean;
  /** The opaque place of a row in this list. */
  cursorOf(row: Row): string;
}

/** What orders a list: a column whose values are unique, and known from a cursor's text. */
interface ListKey {
  readonly field: string;
  /** Null for a text that is none. */
  parse(text: string): unknown;
}

/** Ids begin with the time of their making. */
const BY_ID: ListKey = { field: "id", parse: (text) => (isId(text) ? text : null) };

/** Rows that the database numbers. */
export const BY_SEQUENCE: ListKey = {
  field: "sequence",
  parse: (text) => (/^\d{1,18}$/.test(text) ? BigInt(text) : null),
};

interface List<Row> {
  /** Its cursors carry it: a cursor of another list is refused. */
  readonly name: string;
  readonly entity: EntityName<Row>;
  /** By the id unless told. */
  readonly key?: ListKey;
}

/**
 * Reads a page by its keys, newest first: the place in the list is a comparison of an indexed column,
 * however deep the page lies.
 *
 * @throws DomainError E_VALIDATION for `first`, E_INVALID_CURSOR for `after`
 */
export async function findPage<Row extends { id: string }>(
  em: EntityManager,
  { name, entity, key = BY_ID }: List<Row>,
  where: FilterQuery<Row>,
  { first, after }: PageRequest,
): Promise<Page<Row>> {
  checkPageSize(first);
  const beyond = after === null ? {} : { [key.field]: { $lt: placeOf(name, key, after) } };
  const rows = await em.find(entity, { $and: [where, beyond] } as FilterQuery<Row>, {
    orderBy: { [key.field]: "desc" } as never,
    limit: first + 1,
  });
  return {
    rows: rows.slice(0, first),
    hasNextPage: rows.length > first,
    cursorOf: (row) => Buffer.from(`${name}:${row[key.field as keyof Row]}`).toString("base64url"),
  };
}

/**
 * Lets a page size of 1 to 100 pass.
 *
 * @throws DomainError E_VALIDATION naming `first`
 */
export function checkPageSize(first: number): void {
  if (Number.isInteger(first) && first >= 1 && first <= LARGEST_PAGE) return;
  throw fieldFault("first", `must be 1 to ${LARGEST_PAGE}`);
}

function placeOf(list: string, key: ListKey, cursor: string): unknown {
  const [name, text = "", ...rest] = Buffer.from(cursor, "base64url").toString().split(":");
  const place = key.parse(text);
  if (name === list && place !== null && rest.length === 0) return place;
  throw new DomainError("E_INVALID_CURSOR");
}
