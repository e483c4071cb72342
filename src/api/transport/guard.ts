import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  parse,
  type SelectionSetNode,
} from "graphql";
import type { Plugin } from "graphql-yoga";
import { DomainError } from "../../kernel/domain-error.ts";
import type { ApiContext } from "../context.ts";
import { type CallerWatch, OPEN_OF_ONE_CALLER } from "./caller-watch.ts";
import { checkCost } from "./cost.ts";
import { checkShape, fragmentsOf, type QueryLimits, tooComplex } from "./limits.ts";
import type { PublicErrorOf } from "./public-error.ts";
import { endable } from "./streams.ts";
import { checkTexts } from "./texts.ts";

interface GuardOptions {
  readonly limits: QueryLimits;
  readonly watch: CallerWatch;
  readonly publicErrorOf: PublicErrorOf;
  /** In development anybody may look at the schema, and is helped with misspelt names. */
  readonly development: boolean;
}

/**
 * Refuses what may not even begin, on every transport: documents that ask for too much, texts
 * that cannot be kept, and callers without a token beyond the fields that are open to them. Ends subscriptions with their caller.
 */
export function guard({ limits, watch, publicErrorOf, development }: GuardOptions): Plugin {
  const refusalOf = ({
    schema,
    document,
    operationName,
    variableValues,
    contextValue,
  }: ExecutionArgs) => {
    try {
      const { caller } = contextValue as ApiContext;
      if (caller === null) checkAnonymous(schema, document, operationName, development);
      const variables = variableValues ?? {};
      checkTexts(document, variables);
      checkCost({ schema, document, operationName, variables }, limits);
      return null;
    } catch (error) {
      return { errors: [publicErrorOf(error)] };
    }
  };
  const overrunOf = ({ caller, overSocket }: ApiContext) => {
    if (overSocket || !caller || watch.openOf(caller) < OPEN_OF_ONE_CALLER) return null;
    return { errors: [publicErrorOf(new DomainError("E_RATE_LIMITED"))] };
  };
  return {
    onParse: ({ params: { source }, setParseFn }) => {
      // Thrown here, and not in the parse function, a refusal is not remembered with the text.
      if (textOf(source).length > limits.characters) {
        throw publicErrorOf(tooComplex("characters", limits.characters));
      }
      setParseFn((source, options) => {
        const document = parseAtMost(source, limits.tokens, options);
        try {
          checkShape(document, limits);
        } catch (error) {
          throw publicErrorOf(error);
        }
        return document;
      });
    },
    onValidate: () => {
      if (development) return;
      return ({ result, setResult }) =>
        setResult((result as readonly GraphQLError[]).map(withoutSuggestion));
    },
    onExecute: ({ args, setResultAndStopExecution }) => {
      const refusal = refusalOf(args as ExecutionArgs);
      if (refusal) setResultAndStopExecution(refusal);
    },
    onSubscribe: ({ args, setResultAndStopExecution }) => {
      const context = args.contextValue as unknown as ApiContext;
      const refusal = refusalOf(args as ExecutionArgs) ?? overrunOf(context);
      if (refusal) return void setResultAndStopExecution(refusal);
      return {
        onSubscribeResult: ({ result, setResult }) => {
          if (Symbol.asyncIterator in result) {
            setResult(guarded(result as AsyncIterableIterator<ExecutionResult>, context));
          }
        },
      };
    },
  };

  function guarded(source: AsyncIterableIterator<ExecutionResult>, context: ApiContext) {
    let release = () => {};
    const { stream, cutOff } = endable(source, {
      last: (reason) => ({ errors: [publicErrorOf(reason)] }),
      ended: () => release(),
    });
    // A socket ends its subscriptions itself, by closing with a code.
    if (context.caller && !context.overSocket) release = watch.watch(context.caller, cutOff);
    return stream;
  }
}

const textOf = (source: Parameters<typeof parse>[0]): string =>
  typeof source === "string" ? source : source.body;

function parseAtMost(
  source: Parameters<typeof parse>[0],
  tokens: number,
  options: object | undefined,
): DocumentNode {
  try {
    return parse(source, { ...options, maxTokens: tokens });
  } catch (error) {
    if (!(error instanceof GraphQLError) || !error.message.includes("tokens")) throw error;
    const { message, code } = tooComplex("tokens", tokens);
    throw new GraphQLError(message, { extensions: { code, http: { status: 400 } } });
  }
}

/** A misspelt name is not answered with the right one: strangers would learn the schema by guessing. */
const withoutSuggestion = (error: GraphQLError): GraphQLError => {
  const message = error.message.replace(/ Did you mean .*\?$/s, "");
  if (message === error.message) return error;
  const { nodes, source, positions, extensions } = error;
  return new GraphQLError(message, {
    extensions,
    ...(nodes ? { nodes } : {}),
    ...(source ? { source } : {}),
    ...(positions ? { positions } : {}),
  });
};

/** Whether a root field is open to callers without a token: as its scopes in the schema say. */
export function isOpen(
  schema: GraphQLSchema,
  operation: "query" | "mutation" | "subscription",
  name: string,
): boolean {
  const field = schema.getRootType(operation as never)?.getFields()[name];
  const options = field?.extensions.pothosOptions as { authScopes?: { anyone?: boolean } };
  return options?.authScopes?.anyone === true;
}

function checkAnonymous(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  mayIntrospect: boolean,
): void {
  const operation = getOperationAST(document, operationName ?? undefined);
  if (!operation) return;
  for (const name of rootFields(document, operation.selectionSet)) {
    const open = name.startsWith("__")
      ? name === "__typename" || mayIntrospect
      : isOpen(schema, operation.operation, name);
    if (!open) throw new DomainError("E_UNAUTHENTICATED");
  }
}

function rootFields(document: DocumentNode, root: SelectionSetNode): Set<string> {
  const fragments = fragmentsOf(document);
  const names = new Set<string>();
  const seen = new Set<string>();
  const collect = (set: SelectionSetNode | undefined) => {
    for (const selection of set?.selections ?? []) {
      if (selection.kind === "Field") names.add(selection.name.value);
      else if (selection.kind === "InlineFragment") collect(selection.selectionSet);
      else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        collect(fragments.get(selection.name.value)?.selectionSet);
      }
    }
  };
  collect(root);
  return names;
}
