import type { ObjectRef } from "@pothos/core";
import type { Page, PageRequest } from "../database/keyset.ts";
import { describedEnum as newDescribedEnum } from "../kernel/described.ts";
import { builder } from "./builder.ts";
import { describedEnum } from "./described-enum.ts";
import { enumOf } from "./generate/types.ts";

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
      description:
        "Whether there is more after this page: of one that was read with `before`, always.",
    }),
    hasPreviousPage: t.exposeBoolean("hasPreviousPage", {
      description:
        "Whether there is something before this page: of one that was read with `after`, always.",
    }),
    startCursor: t.exposeString("startCursor", {
      nullable: true,
      description:
        "The cursor of the page's first entry: send it as `before` to read back; null for an empty page.",
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
        description:
          "Send it as `after` to read what follows this entry, as `before` what comes first.",
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

/** The arguments of a connection, as Relay has them. */
export const pageArgs = (entries: string) =>
  builder.args((t) => ({
    first: t.int({
      description: `How many ${entries} to read from the beginning, or behind \`after\`: 1 to 100; 20 when left out.`,
    }),
    after: t.string({
      description: "The cursor after which to read on: `pageInfo.endCursor` of the page before.",
    }),
    last: t.int({
      description: `How many ${entries} to read up to the end, or up to \`before\`, 1 to 100: instead of \`first\`.`,
    }),
    before: t.string({
      description:
        "The cursor before which to read back: `pageInfo.startCursor` of the page behind.",
    }),
  }));

/**
 * Reads the page of a list that a connection's arguments ask for.
 *
 * @param count counts the whole list; only asked when a client selects it
 */
export async function readConnection<Row>(
  args: PageRequest,
  read: (page: PageRequest) => Promise<Page<Row>>,
  count: () => Promise<number>,
): Promise<ConnectionPage<Row>> {
  return { ...(await read(args)), count };
}

const OrderDirection = newDescribedEnum("OrderDirection", "Which way a list is sorted.", {
  ASC: "The smallest, first or oldest at the beginning.",
  DESC: "The greatest, last or newest at the beginning.",
});

/** Adds an order to the schema: what a list can be sorted by, and in which direction. */
export function orderInput<Field extends string>(
  name: string,
  entries: string,
  fields: Readonly<Record<Field, string>>,
) {
  const field = describedEnum<Field>(`${name}OrderField`, `What ${entries} are sorted by.`, fields);
  return builder.inputType(`${name}Order`, {
    description: `How ${entries} are sorted; of equal ones by the time of their making.`,
    fields: (t) => ({
      field: t.field({ type: field, required: true, description: "By what." }),
      direction: t.field({
        type: enumOf(OrderDirection),
        required: true,
        defaultValue: "ASC",
        description: "Which way.",
      }),
    }),
  });
}
