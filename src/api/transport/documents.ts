import type { DocumentNode } from "graphql";

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
