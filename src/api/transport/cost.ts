import {
  type ASTNode,
  type DocumentNode,
  type FieldNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  getOperationAST,
  isInterfaceType,
  isLeafType,
  isListType,
  isObjectType,
  type SelectionSetNode,
} from "graphql";
import { USUAL_PAGE } from "../../database/keyset.ts";
import { fragmentsOf, type QueryLimits, tooComplex } from "./limits.ts";

type Variables = Readonly<Record<string, unknown>>;

/** A list that says nothing of its length, such as an operation's phases, is taken to have so many entries. */
const SHORT_LIST = 10;

interface Request {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variables: Variables;
}

/**
 * Refuses a valid request whose answer could hold too many objects: `first` multiplies what is asked
 * of each entry, so that a page of pages of pages is known for what it is.
 *
 * @returns how many it can hold
 * @throws DomainError E_QUERY_TOO_COMPLEX
 */
export function checkCost(request: Request, { cost }: Pick<QueryLimits, "cost">): number {
  const requested = costOf(request);
  if (requested > cost) throw tooComplex("objects (cost)", cost);
  return requested;
}

/** How many objects the answer to a valid request can hold at most. */
export function costOf({ schema, document, operationName, variables }: Request): number {
  const operation = getOperationAST(document, operationName ?? undefined);
  const root = operation && schema.getRootType(operation.operation);
  if (!operation || !root) return 0;
  const defaults = Object.fromEntries(
    (operation.variableDefinitions ?? []).map(({ variable, defaultValue }) => [
      variable.name.value,
      defaultValue?.kind === "IntValue" ? Number(defaultValue.value) : undefined,
    ]),
  );
  const given = { ...defaults, ...variables };
  return coster(schema, document, given)(operation.selectionSet, root, false);
}

type CostOf = (set: SelectionSetNode, type: GraphQLNamedType, paged: boolean) => number;

function coster(schema: GraphQLSchema, document: DocumentNode, variables: Variables): CostOf {
  const fragments = fragmentsOf(document);
  const known = new Map<string, number>();
  const ofFragment = (name: string, paged: boolean): number => {
    const key = `${name} ${paged}`;
    const fragment = fragments.get(name);
    const type = fragment && schema.getType(fragment.typeCondition.name.value);
    const cost = known.get(key) ?? (type ? ofSet(fragment.selectionSet, type, paged) : 0);
    known.set(key, cost);
    return cost;
  };
  const ofSet: CostOf = (set, type, paged) =>
    set.selections.reduce((sum, selection) => {
      if (selection.kind === "Field") return sum + ofField(selection, type, paged);
      if (selection.kind === "FragmentSpread") return sum + ofFragment(selection.name.value, paged);
      const condition =
        selection.typeCondition && schema.getType(selection.typeCondition.name.value);
      return sum + ofSet(selection.selectionSet, condition ?? type, paged);
    }, 0);
  const ofField = (node: FieldNode, parent: GraphQLNamedType, paged: boolean): number => {
    const field = fieldOf(parent, node.name.value);
    const type = field && getNamedType(field.type);
    if (!node.selectionSet || !type || isLeafType(type)) return 0;
    const first = firstOf(field, node, variables);
    const inside = ofSet(node.selectionSet, type, first !== null);
    if (first !== null) return 1 + first * inside;
    const entries = isListType(getNullableType(field.type)) && !paged ? SHORT_LIST : 1;
    return ownCostOf(field) + entries * (1 + inside);
  };
  return ofSet;
}

const fieldOf = (
  parent: GraphQLNamedType,
  name: string,
): GraphQLField<unknown, unknown> | undefined =>
  isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;

/** What a field costs beside the objects of its answer, as it says by `extensions: { cost }`. */
const ownCostOf = ({ extensions }: GraphQLField<unknown, unknown>): number =>
  typeof extensions.cost === "number" ? extensions.cost : 0;

/** The page size of a field that has pages; null for any other. */
function firstOf(
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
  variables: Variables,
): number | null {
  if (!field.args.some((arg) => arg.name === "first")) return null;
  const given = (name: string) =>
    givenFor(node.arguments?.find((arg) => arg.name.value === name)?.value, variables);
  const value = Number(given("first") ?? given("last") ?? USUAL_PAGE);
  return Number.isFinite(value) ? Math.max(1, value) : USUAL_PAGE;
}

function givenFor(node: ASTNode | undefined, variables: Variables): unknown {
  if (node?.kind === "IntValue") return node.value;
  return node?.kind === "Variable" ? variables[node.name.value] : undefined;
}
