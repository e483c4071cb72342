import type { TypedDocumentString } from "../../client/generated/graphql.ts";
import { DomainError, type FieldIssue, type MigrationFault } from "../../kernel/domain-error.ts";
import type { ErrorCode } from "../../kernel/error-codes.ts";

/** The API as commands call it: in this process, or over HTTP and WebSocket with a token. */
export interface Api {
  /** Runs a query or a mutation. @throws DomainError where it is refused as a whole */
  execute<Data, Variables>(
    document: TypedDocumentString<Data, Variables>,
    variables: Variables,
  ): Promise<Data>;
  /**
   * Follows a subscription, to be left by `return`. @throws DomainError, while it is read
   *
   * @param cursorOf the cursor in one value, from which a lost connection goes on
   */
  subscribe<Data, Variables extends object>(
    document: TypedDocumentString<Data, Variables>,
    variables: Variables,
    cursorOf: (data: Data) => string,
  ): AsyncIterableIterator<Data>;
  close(): Promise<void>;
}

/** What the API tells of an error beside its code and message. */
export interface Told {
  readonly retryable?: boolean;
  readonly nextAction?: string;
  readonly migration?: MigrationFault | null;
}

/** What a mutation's result holds beside its payload, where it was refused. */
interface Refusable extends Told {
  readonly code: ErrorCode;
  readonly message: string;
  readonly issues?: readonly FieldIssue[];
  readonly running?: { readonly id: string };
}

/**
 * Answers the payload of a mutation's result.
 *
 * @throws DomainError where it was refused
 */
export function payloadOf<Result extends object>(
  result: Result,
): Exclude<Result, { code: ErrorCode }> {
  if ("code" in result) throw refusalOf(result as unknown as Refusable);
  return result as Exclude<Result, { code: ErrorCode }>;
}

/** A refusal that an answer holds as the error that it was. */
export function refusalOf({ code, running, ...told }: Refusable): DomainError {
  return new DomainError(code, { ...told, detail: running ? { operationId: running.id } : {} });
}

/** Which rows of a connection are asked for. */
export interface Page {
  readonly first: number;
  readonly after: string | null;
}

/** A page of a list, as the API answers it. */
export interface Connection<Node> {
  readonly nodes: readonly Node[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** Rows of a page: so few, that asking for all that is shown of each costs less than the API allows. */
const PAGE = 40;

/**
 * Reads a connection page by page until it has so many nodes; tells whether there are more.
 *
 * @param take what is done with each node as its page comes; left out, they are answered all at once
 */
export async function firstNodes<Node>(
  limit: number,
  read: (page: Page) => Promise<Connection<Node>>,
  take?: (node: Node) => void,
): Promise<{ readonly nodes: readonly Node[]; readonly more: boolean }> {
  const all: Node[] = [];
  const taken = take ?? ((node: Node) => void all.push(node));
  let count = 0;
  for (let after: string | null = null; ; ) {
    const { nodes, pageInfo } = await read({ first: Math.min(PAGE, limit - count), after });
    for (const node of nodes) taken(node);
    count += nodes.length;
    if (!pageInfo.hasNextPage || nodes.length === 0) return { nodes: all, more: false };
    if (count >= limit) return { nodes: all, more: true };
    after = pageInfo.endCursor;
  }
}
