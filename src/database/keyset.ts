import type { EntityName, FilterQuery } from "@mikro-orm/core";
import { DomainError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
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

/**
 * Reads a page by its keys, newest first: ids begin with the time of their making, so that the place
 * in the list is a comparison of the primary key, however deep the page lies.
 *
 * @param list the list's name, which its cursors carry: a cursor of another list is refused
 * @throws DomainError E_VALIDATION for `first`, E_INVALID_CURSOR for `after`
 */
export async function findPage<Row extends { id: string }>(
  em: EntityManager,
  list: { readonly name: string; readonly entity: EntityName<Row> },
  where: FilterQuery<Row>,
  { first, after }: PageRequest,
): Promise<Page<Row>> {
  checkPageSize(first);
  const beyond = after === null ? {} : { id: { $lt: idOf(list.name, after) } };
  const rows = await em.find(list.entity, { $and: [where, beyond] } as FilterQuery<Row>, {
    orderBy: { id: "desc" } as never,
    limit: first + 1,
  });
  return {
    rows: rows.slice(0, first),
    hasNextPage: rows.length > first,
    cursorOf: (row) => Buffer.from(`${list.name}:${row.id}`).toString("base64url"),
  };
}

/**
 * Lets a page size of 1 to 100 pass.
 *
 * @throws DomainError E_VALIDATION naming `first`
 */
export function checkPageSize(first: number): void {
  if (Number.isInteger(first) && first >= 1 && first <= LARGEST_PAGE) return;
  const message = `must be 1 to ${LARGEST_PAGE}`;
  throw new DomainError("E_VALIDATION", {
    message: `first ${message}`,
    issues: [{ path: ["first"], message, code: "E_VALIDATION" }],
  });
}

function idOf(list: string, cursor: string): string {
  const [name, id, ...rest] = Buffer.from(cursor, "base64url").toString().split(":");
  if (name === list && id !== undefined && isId(id) && rest.length === 0) return id;
  throw new DomainError("E_INVALID_CURSOR");
}
