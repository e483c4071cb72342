import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type SelectionSetNode,
  visit,
} from "graphql";
import { DomainError } from "../../kernel/domain-error.ts";

/** How much one request may ask for. */
export interface QueryLimits {
  /** Of the document's text. */
  readonly characters: number;
  readonly tokens: number;
  /** Fields inside fields. */
  readonly depth: number;
  /** Fields over all levels, those of a fragment each time it is spread. */
  readonly fields: number;
  readonly aliases: number;
  readonly directives: number;
  /** Brackets inside brackets, fragments counted where they are spread: what recurses stays shallow. */
  readonly nesting: number;
  /** Entries and fields in all variables together. */
  readonly values: number;
  /** Characters of one text in the document or in a variable. */
  readonly text: number;
  /** Objects that the answer can hold at most. */
  readonly cost: number;
}

export const QUERY_LIMITS: QueryLimits = {
  characters: 50_000,
  tokens: 2_000,
  depth: 12,
  fields: 500,
  aliases: 30,
  directives: 20,
  nesting: 50,
  values: 2_000,
  text: 10_000,
  cost: 10_000,
};

/** Each of these hashes a password or asks for one, and counts as a try: one a request. */
const PASSWORD_FIELDS = new Set([
  ...["signIn", "changePassword", "acceptInvitation", "tenantSignIn", "changeTenantPassword"],
  ...["requestTenantPasswordReset", "resetTenantPassword"],
]);

/** Introspection is deep by nature; graphql's own rule bounds how often it may turn back. */
const INTROSPECTION = new Set(["__schema", "__type"]);
const INTROSPECTION_ALLOWANCE = 8;
/** Each alias in it can mean the whole schema once more; no tool writes one. */
const INTROSPECTION_ALIAS = 10;

interface Shape {
  readonly depth: number;
  readonly fields: number;
  readonly aliases: number;
  readonly directives: number;
  readonly nesting: number;
  readonly passwords: number;
  readonly schemas: number;
}

const NOTHING: Shape = {
  depth: 0,
  fields: 0,
  aliases: 0,
  directives: 0,
  nesting: 0,
  passwords: 0,
  schemas: 0,
};

const beside = (a: Shape, b: Shape): Shape => ({
  depth: Math.max(a.depth, b.depth),
  fields: a.fields + b.fields,
  aliases: a.aliases + b.aliases,
  directives: a.directives + b.directives,
  nesting: Math.max(a.nesting, b.nesting),
  passwords: a.passwords + b.passwords,
  schemas: a.schemas + b.schemas,
});

/**
 * Refuses a document whose shape asks for too much, whatever its variables say. Runs before
 * validation, so that the rules of validation never see a hostile document.
 *
 * @throws DomainError E_QUERY_TOO_COMPLEX naming the limit
 */
export function checkShape(document: DocumentNode, limits: QueryLimits = QUERY_LIMITS): void {
  const measure = measurer(document);
  for (const definition of document.definitions) {
    if (!("selectionSet" in definition)) continue;
    const shape = measure(definition.selectionSet);
    const ofAny = ["fields", "aliases", "directives", "nesting"] as const;
    // How deep a fragment lies is only known where it is spread.
    const counted =
      definition.kind === "OperationDefinition" ? (["depth", ...ofAny] as const) : ofAny;
    for (const limit of counted) {
      if (shape[limit] > limits[limit]) throw tooComplex(limit, limits[limit]);
    }
    if (shape.passwords > 1) throw tooComplex("sign-ins", 1);
    if (shape.schemas > 1) throw tooComplex("introspection of the whole schema", 1);
  }
  checkNesting(document, limits);
}

/** Bounds lists and objects in literals, and lists in the types of variables. */
function checkNesting(document: DocumentNode, { nesting }: Pick<QueryLimits, "nesting">): void {
  let level = 0;
  const bracket = {
    enter: () => {
      level += 1;
      if (level > nesting) throw tooComplex("nesting", nesting);
    },
    leave: () => {
      level -= 1;
    },
  };
  visit(document, { ListValue: bracket, ObjectValue: bracket, ListType: bracket });
}

/** What to do where it is not the query that is too large. */
export const SEND_LESS = "Send shorter texts and lists, or several requests.";

/** The refusal of a request that goes beyond a limit. */
export const tooComplex = (limit: string, most: number, nextAction?: string): DomainError =>
  new DomainError("E_QUERY_TOO_COMPLEX", {
    message: `The query asks for too much at once: at most ${most} ${limit}.`,
    detail: { limit },
    ...(nextAction ? { nextAction } : {}),
  });

/** Measures selections; each fragment once, however often it is spread. */
function measurer(document: DocumentNode): (set: SelectionSetNode) => Shape {
  const fragments = fragmentsOf(document);
  const known = new Map<string, Shape>();
  const measureFragment = (name: string): Shape => {
    const measured = known.get(name);
    if (measured) return measured;
    // A fragment inside itself measures nothing here; validation refuses it.
    known.set(name, NOTHING);
    const fragment = fragments.get(name);
    const shape = fragment ? measure(fragment.selectionSet) : NOTHING;
    known.set(name, shape);
    return shape;
  };
  const measure = (set: SelectionSetNode): Shape => {
    const all = set.selections.reduce((sum, selection) => {
      const inner =
        selection.kind === "Field"
          ? ofField(selection, selection.selectionSet ? measure(selection.selectionSet) : NOTHING)
          : selection.kind === "FragmentSpread"
            ? measureFragment(selection.name.value)
            : measure(selection.selectionSet);
      const directives = inner.directives + (selection.directives?.length ?? 0);
      return beside(sum, { ...inner, directives });
    }, NOTHING);
    return { ...all, nesting: all.nesting + 1 };
  };
  return measure;
}

function ofField({ name: { value: name }, alias }: FieldNode, inside: Shape): Shape {
  const allowance = INTROSPECTION.has(name) ? INTROSPECTION_ALLOWANCE : 0;
  return {
    ...inside,
    depth: 1 + Math.max(0, inside.depth - allowance),
    fields: inside.fields + 1,
    aliases: inside.aliases * (name === "__schema" ? INTROSPECTION_ALIAS : 1) + (alias ? 1 : 0),
    schemas: inside.schemas + (name === "__schema" ? 1 : 0),
    passwords: inside.passwords + (PASSWORD_FIELDS.has(name) ? 1 : 0),
  };
}

/** The fragments of a document, by name. */
export const fragmentsOf = (document: DocumentNode): Map<string, FragmentDefinitionNode> =>
  new Map(
    document.definitions
      .filter((definition) => definition.kind === "FragmentDefinition")
      .map((fragment) => [fragment.name.value, fragment]),
  );
