/** Which part of a list to read: entries from one of its ends, or those next to a cursor. */
export type Page =
  | { readonly first: number; readonly after: string | null | undefined }
  | { readonly last: number; readonly before: string | null | undefined };

/** What every client answers of a list, as its own types have it. */
export interface List {
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor?: string | null | undefined;
    readonly endCursor?: string | null | undefined;
  };
}

/** Reads a page; answers the list as the client has it now: the page alone, or all that it has read. */
export type ReadPage = (page: Page) => Promise<List | null | undefined>;

/** The ids of a list's entries, in its order. */
export const idsOf = ({ edges }: List): string[] => edges.map(({ node }) => node.id);

/** Reads a list in pages of two from one of its ends; answers what the client had after each page. */
export async function pageThrough(read: ReadPage, way: "forward" | "backward"): Promise<List[]> {
  const answers: List[] = [];
  for (let cursor: string | null | undefined = null; ; ) {
    const forward = way === "forward";
    const list: List | null | undefined = await read(
      forward ? { first: 2, after: cursor } : { last: 2, before: cursor },
    );
    if (!list) throw new Error("the list is not there");
    if (answers.push(list) > 100) throw new Error("the list does not end");
    const { pageInfo } = list;
    if (!(forward ? pageInfo.hasNextPage : pageInfo.hasPreviousPage)) return answers;
    cursor = forward ? pageInfo.endCursor : pageInfo.startCursor;
  }
}
