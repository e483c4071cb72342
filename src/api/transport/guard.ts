import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
  parse,
} from "graphql";
import { isAsyncIterable, type Plugin } from "graphql-yoga";
import { DomainError } from "../../kernel/domain-error.ts";
import type { ApiContext } from "../context.ts";
import { type CallerWatch, OPEN_OF_ONE_CALLER } from "./caller-watch.ts";
import { checkCost } from "./cost.ts";
import { rememberDocuments } from "./documents.ts";
import { faultsOf, shortened, withFewErrors } from "./few-errors.ts";
import { checkOneMutation } from "./idempotency-header.ts";
import { checkShape, type QueryLimits, tooComplex } from "./limits.ts";
import type { PublicErrorOf } from "./public-error.ts";
import { rootFields } from "./root-fields.ts";
import { endable } from "./streams.ts";
import { checkTexts } from "./texts.ts";
import { checkSize, checkTypes } from "./variables.ts";
import type { Transport } from "./yoga.ts";

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
export function guard(options: GuardOptions): Plugin<Transport, Transport> {
  const { limits, watch, publicErrorOf, development } = options;
  const documents = rememberDocuments();
  const judge = ({
    schema,
    document,
    operationName,
    variableValues,
    contextValue,
  }: ExecutionArgs): { refusal: ExecutionResult | null; cost: number } => {
    try {
      const operation = getOperationAST(document, operationName);
      // Both transports tell that there is none of the name.
      if (!operation) return { refusal: null, cost: 0 };
      const { caller, idempotencyKey } = contextValue as ApiContext;
      if (idempotencyKey !== null) checkOneMutation(document, operation);
      if (caller === null) checkAnonymous(schema, document, operation, development);
      const variables = variableValues ?? {};
      checkSize(variables, limits);
      checkTexts(document, variables, limits);
      checkTypes(schema, operation, variables, development);
      const cost = checkCost({ schema, document, operationName, variables }, limits);
      return { refusal: null, cost };
    } catch (error) {
      return { refusal: { errors: [publicErrorOf(error)] }, cost: 0 };
    }
  };
  const overrunOf = ({ caller, isWanted }: ApiContext) => {
    if (isWanted || !caller || watch.openOf(caller) < OPEN_OF_ONE_CALLER) return null;
    return { errors: [publicErrorOf(new DomainError("E_RATE_LIMITED"))] };
  };
  return {
    onParse: ({ params: { source }, setParseFn, setParsedDocument }) => {
      const text = textOf(source);
      const known = documents.of(text);
      if (known) return void setParsedDocument(known);
      if (text.length > limits.characters) throw tooComplex("characters", limits.characters);
      setParseFn((text, how) => parse(text, { ...how, maxTokens: limits.tokens }));
      return ({ result, replaceParseResult }) => {
        if (!(result instanceof GraphQLError)) checkShape(result, limits);
        else if (TOO_MANY_TOKENS.test(result.message)) throw tooComplex("tokens", limits.tokens);
        else replaceParseResult(shortened(result));
      };
    },
    onValidate: ({ context: { caller }, params: { documentAST }, setResult, setValidationFn }) => {
      if (documents.has(documentAST)) return void setResult([]);
      setValidationFn((schema, document) => faultsOf(schema, document, development));
      return ({ valid }) => {
        // Strangers' documents would push out those of others.
        if (valid && caller) documents.add(documentAST);
      };
    },
    onExecute: ({ args, setResultAndStopExecution }) => {
      const { refusal, cost } = judge(args as ExecutionArgs);
      if (refusal) return void setResultAndStopExecution(refusal);
      return {
        onExecuteDone: ({ result, setResult }) => {
          if (isAsyncIterable(result)) return;
          const few = withFewErrors(result);
          setResult(
            wantsCost(args.contextValue)
              ? {
                  ...few,
                  extensions: { ...few.extensions, cost: { requested: cost, limit: limits.cost } },
                }
              : few,
          );
        },
      };
    },
    onSubscribe: ({ args, setResultAndStopExecution }) => {
      const context = args.contextValue as unknown as ApiContext;
      const refusal = judge(args as ExecutionArgs).refusal ?? overrunOf(context);
      if (refusal) return void setResultAndStopExecution(refusal);
      return {
        onSubscribeResult: ({ result, setResult }) => {
          // A socket ends its subscriptions itself, by closing with a code or with an error.
          if (!context.isWanted && Symbol.asyncIterator in result) {
            setResult(guarded(result as AsyncIterableIterator<ExecutionResult>, context));
          }
        },
      };
    },
  };

  function guarded(source: AsyncIterableIterator<ExecutionResult>, { caller }: ApiContext) {
    let release = () => {};
    const { stream, cutOff } = endable(source, {
      last: (reason) => ({ errors: [publicErrorOf(reason)] }),
      ended: () => release(),
    });
    if (caller) release = watch.watch(caller, cutOff);
    return stream;
  }
}

/** Whether a request asks by its own `extensions` what it costs. */
function wantsCost(context: unknown): boolean {
  const { params } = context as {
    readonly params?: { readonly extensions?: { cost?: unknown } | null };
  };
  return params?.extensions?.cost === true;
}

const textOf = (source: Parameters<typeof parse>[0]): string =>
  typeof source === "string" ? source : source.body;

const TOO_MANY_TOKENS = /^Syntax Error: Document contains more than \d+ tokens/;

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
  operation: OperationDefinitionNode,
  mayIntrospect: boolean,
): void {
  for (const { name: field } of rootFields(document, operation.selectionSet)) {
    const name = field.value;
    const open = name.startsWith("__")
      ? name === "__typename" || mayIntrospect
      : isOpen(schema, operation.operation, name);
    if (!open) throw new DomainError("E_UNAUTHENTICATED");
  }
}
