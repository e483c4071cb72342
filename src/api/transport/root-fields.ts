import type { DocumentNode, FieldNode, SelectionSetNode } from "graphql";
import { fragmentsOf } from "./limits.ts";

/** The fields that an operation asks for at its root, also through fragments. */
export function rootFields(document: DocumentNode, root: SelectionSetNode): FieldNode[] {
  const fragments = fragmentsOf(document);
  const fields: FieldNode[] = [];
  const seen = new Set<string>();
  const collect = (set: SelectionSetNode | undefined) => {
    for (const selection of set?.selections ?? []) {
      if (selection.kind === "Field") fields.push(selection);
      else if (selection.kind === "InlineFragment") collect(selection.selectionSet);
      else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        collect(fragments.get(selection.name.value)?.selectionSet);
      }
    }
  };
  collect(root);
  return fields;
}
