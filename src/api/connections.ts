import type { ObjectRef } from "@pothos/core";
import type { Page, PageRequest } from "../database/keyset.ts";
import { builder } from "./builder.ts";

/** A page as the resolvers of a connection hand it over. */
export interface ConnectionPage<Row> {
  readonly rows: readonly Row[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  cursorOf(row: Row): string;
  /** Counts the whole list; only asked when a client selects it. */
  count(): Promise<number>;
}

type PageInfoShape = Pick<ConnectionPage<unknown>, "hasNextPage" | "hasPreviousPage"> & {
  readonly startCursor: string | null;
  readonly endCursor: string | null;
};

const PageInfo = builder.objectRef<PageInfoShape>("PageInfo").implement({
  description: "Where a page lies in its list.",
  fields: (t) => ({
    hasNextPage: t.exposeBoolean("hasNextPage", {
      description: "Whether there is more after this page.",
    }),
    hasPreviousPage: t.exposeBoolean("hasPreviousPage", {
      description:
        "Whether the page was asked for with `after`, so that there is something before it.",
    }),
    startCursor: t.exposeString("startCursor", {
      nullable: true,
      description: "The cursor of the page's first entry; null for an empty page.",
    }),
    endCursor: t.exposeString("endCursor", {
      nullable: true,
      description:
        "The cursor of the page's last entry: send it as `after` to read on; null for an empty page.",
    }),
  }),
});

/**
 * Adds a Relay connection over a type to the schema: `<name>Connection` with `<name>Edge`.
 *
 * @param entries what the list holds, in words: "tenants"
 */
export function connectionOf<Row>(
  name: string,
  entries: string,
  node: { readonly name: string },
): ObjectRef<never, ConnectionPage<Row>> {
  // Pothos's types cannot follow a type parameter through a reference.
  const nodeRef = node as ObjectRef<never, Row>;
  const Edge = builder.objectRef<{ node: Row; cursor: string }>(`${name}Edge`).implement({
    description: `One of the ${entries} of a page, with its cursor.`,
    fields: (t) => ({
      node: t.field({
        type: nodeRef as never,
        description: "The entry itself.",
        resolve: (edge) => edge.node as never,
      }),
      cursor: t.exposeString("cursor", {
        description: "Send it as `after` to read what follows this entry.",
      }),
    }),
  });
  return builder.objectRef<ConnectionPage<Row>>(`${name}Connection`).implement({
    description: `A page of ${entries}.`,
    fields: (t) => ({
      nodes: t.field({
        type: [nodeRef] as never,
        description: "The page's entries, without their cursors.",
        resolve: (page) => page.rows as never,
      }),
      edges: t.field({
        type: [Edge],
        description: "The page's entries, each with its cursor.",
        resolve: (page) => page.rows.map((row) => ({ node: row, cursor: page.cursorOf(row) })),
      }),
      pageInfo: t.field({
        type: PageInfo,
        description: "Where this page lies in the list.",
        resolve: pageInfoOf,
      }),
      totalCount: t.int({
        description: `How many ${entries} the whole list has. Costs a count of its own: select it only where it is shown.`,
        resolve: (page) => page.count(),
      }),
    }),
  }) as unknown as ObjectRef<never, ConnectionPage<Row>>;
}

function pageInfoOf(page: ConnectionPage<unknown>): PageInfoShape {
  const { rows, hasNextPage, hasPreviousPage } = page;
  return {
    hasNextPage,
    hasPreviousPage,
    startCursor: rows.length === 0 ? null : page.cursorOf(rows[0]),
    endCursor: rows.length === 0 ? null : page.cursorOf(rows.at(-1)),
  };
}

/** The arguments of a connection: `first` and `after`. */
export const pageArgs = (entries: string) =>
  builder.args((t) => ({
    first: t.int({
      required: true,
      defaultValue: 20,
      description: `How many ${entries} to read, 1 to 100.`,
    }),
    after: t.string({
      description: "The cursor after which to read on: `pageInfo.endCursor` of the page before.",
    }),
  }));

/**
 * Reads the page of a list that a connection's arguments ask for.
 *
 * @param count counts the whole list; only asked when a client selects it
 */
export async function readConnection<Row>(
  args: { readonly first: number; readonly after?: string | null | undefined },
  read: (page: PageRequest) => Promise<Page<Row>>,
  count: () => Promise<number>,
): Promise<ConnectionPage<Row>> {
  const page = { first: args.first, after: args.after ?? null };
  return { ...(await read(page)), hasPreviousPage: page.after !== null, count };
}
