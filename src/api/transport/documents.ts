import { type DocumentNode, GraphQLError, type GraphQLSchema, validate } from "graphql";

/** Documents that were parsed and found valid: the most recent ones, as many as fit. */
export interface ValidDocuments {
  /** The document of a text; undefined where it is not known. */
  of(text: string): DocumentNode | undefined;
  has(document: DocumentNode): boolean;
  add(document: DocumentNode): void;
}

/** What a token of a parsed document takes in memory, with its nodes and places: 250 to 330 were seen. */
const BYTES_OF_A_TOKEN = 350;

/** Remembers valid documents in about so much memory; the one used longest ago makes room. */
export function rememberDocuments(mostBytes = 16_000_000): ValidDocuments {
  const byText = new Map<string, DocumentNode>();
  const valid = new WeakSet<DocumentNode>();
  let bytes = 0;
  return {
    of: (text) => {
      const document = byText.get(text);
      if (document) {
        byText.delete(text);
        byText.set(text, document);
      }
      return document;
    },
    has: (document) => valid.has(document),
    add: (document) => {
      const text = document.loc?.source.body;
      if (text === undefined || byText.has(text)) return;
      byText.set(text, document);
      valid.add(document);
      bytes += bytesOf(text, document);
      for (const [oldest, { tokenCount }] of byText) {
        if (bytes <= mostBytes) break;
        byText.delete(oldest);
        bytes -= bytesOf(oldest, { tokenCount });
      }
    },
  };
}

const bytesOf = (text: string, { tokenCount = 0 }: Pick<DocumentNode, "tokenCount">) =>
  2 * text.length + BYTES_OF_A_TOKEN * tokenCount;

/** So many faults are told at once: who mends these sends the request again. */
export const MOST_ERRORS = 10;
const LONGEST_MESSAGE = 500;

/** A message of graphql, which quotes what was sent, however long that is. */
export const shortMessage = (message: string): string =>
  message.length <= LONGEST_MESSAGE ? message : `${message.slice(0, LONGEST_MESSAGE)}…`;

/** A message without what was sent and what could have been meant: strangers learn nothing by guessing. */
export const plainMessage = (message: string): string =>
  shortMessage(message.replace(/[,;.] found: .*$/is, ".").replace(/ Did you mean .*\?$/s, ""));

/** What is wrong with a document, in a few short errors. */
export function faultsOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  helpful: boolean,
): GraphQLError[] {
  const faults = validate(schema, document, undefined, {
    maxErrors: MOST_ERRORS,
    hideSuggestions: !helpful,
  });
  return faults.map(({ message, nodes }) => {
    const short = helpful ? shortMessage(message) : plainMessage(message);
    return new GraphQLError(short, { nodes: nodes?.slice(0, 2) ?? null });
  });
}

/** An error of graphql's own with a short message; itself where it is short. */
export function shortened(error: GraphQLError): GraphQLError {
  const message = shortMessage(error.message);
  if (message === error.message) return error;
  const { source, positions, extensions } = error;
  return new GraphQLError(message, {
    extensions,
    source: source ?? null,
    positions: positions ?? null,
  });
}
