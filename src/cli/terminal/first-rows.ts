import type { Page, PageRequest } from "../../database/keyset.ts";

const PAGE = 100;

/** Reads a list page by page until it has so many rows; tells whether there are more. */
export async function firstRows<Row>(
  limit: number,
  read: (page: PageRequest) => Promise<Page<Row>>,
): Promise<{ readonly rows: Row[]; readonly more: boolean }> {
  const rows: Row[] = [];
  for (let after: string | null = null; ; ) {
    const page = await read({ first: Math.min(PAGE, limit - rows.length), after });
    rows.push(...page.rows);
    const last = page.rows.at(-1);
    if (!page.hasNextPage || last === undefined) return { rows, more: false };
    if (rows.length >= limit) return { rows, more: true };
    after = page.cursorOf(last);
  }
}
