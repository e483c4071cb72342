import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  executeSubscriptionEvent,
  type GraphQLError,
  type ValidatedSubscriptionArgs,
  validateSubscriptionArgs,
} from "graphql";
import type { Plugin } from "graphql-yoga";
import { isConnectionLoss, PLATFORM, partOf } from "../../database/faults.ts";
import { BoundedCounts } from "../../kernel/bounded-counts.ts";
import { DomainError, isDomainError } from "../../kernel/domain-error.ts";
import type { ApiContext } from "../context.ts";
import type { PublicErrorOf } from "./public-error.ts";
import { mapStream } from "./streams.ts";

/** Subscriptions that one caller may have open at a time, over all sockets and streams. */
export const FOLLOWED_BY_ONE_CALLER = 1_000;

type Answers = Map<string, Promise<ExecutionResult>>;

/** Pause between two tries while the platform database is away. */
const AGAIN_MS = 500;

/**
 * Executes subscriptions: followers who are given the same row and ask the same of it with the same
 * role share one answer, since nothing but the role decides what an answer shows. Bounds how many
 * subscriptions a caller has.
 */
export function shareAnswers(publicErrorOf: PublicErrorOf): Plugin {
  const byRow = new WeakMap<object, Answers>();
  const followed = new BoundedCounts(FOLLOWED_BY_ONE_CALLER);

  const answersOf = (args: ValidatedSubscriptionArgs, question: string) => (row: object) => {
    const answers = byRow.get(row) ?? new Map();
    byRow.set(row, answers);
    const answer = answers.get(question) ?? answerTo({ ...args, rootValue: row });
    answers.set(question, answer);
    return answer;
  };

  const subscribe = async (args: ExecutionArgs) => {
    const release = followed.take(idOf(args));
    if (release === null) return { errors: [publicErrorOf(tooMany())] };
    try {
      const validated = validateSubscriptionArgs(args);
      const source = "schema" in validated ? await beginOf(validated) : { errors: validated };
      if ("schema" in validated && Symbol.asyncIterator in source) {
        const rows = source as AsyncIterableIterator<object>;
        return mapStream(rows, answersOf(validated, questionOf(args)), release);
      }
      release();
      return source;
    } catch (error) {
      release();
      throw error;
    }
  };

  return { onSubscribe: ({ setSubscribeFn }) => setSubscribeFn(subscribe as never) };
}

/** Begins; over a socket, while the platform database is away, as soon as it is back. */
async function beginOf(args: ValidatedSubscriptionArgs) {
  const { isWanted } = args.contextValue as ApiContext;
  for (;;) {
    const source = await createSourceEventStream(args);
    const isAway = "errors" in source && source.errors?.some(isPlatformAway);
    if (!isAway || !isWanted?.()) return source;
    await delay(AGAIN_MS);
  }
}

/** Answers for a row; while the platform database is away, as soon as it is back. */
async function answerTo(args: ValidatedSubscriptionArgs): Promise<ExecutionResult> {
  for (;;) {
    const answer = await executeSubscriptionEvent(args);
    if (!answer.errors?.some(isPlatformAway)) return answer;
    await delay(AGAIN_MS);
  }
}

/** Whether a field met the platform database while it was away; of another part it is told. */
const isPlatformAway = ({ originalError }: GraphQLError): boolean =>
  !isDomainError(originalError) &&
  isConnectionLoss(originalError) &&
  partOf(originalError) === PLATFORM;

const tooMany = () =>
  new DomainError("E_RATE_LIMITED", {
    message: `One caller follows at most ${FOLLOWED_BY_ONE_CALLER} subscriptions at a time`,
    nextAction: "Complete some of them, then subscribe again.",
  });

const idOf = ({ contextValue }: ExecutionArgs): string =>
  (contextValue as ApiContext).caller?.actor.id ?? "";

/** What is asked, by whom as far as it matters: equal for those who may share an answer. */
function questionOf({ document, operationName, variableValues, contextValue }: ExecutionArgs) {
  const { caller } = contextValue as ApiContext;
  const text = document.loc?.source.body;
  const asked = [caller?.actor.role, text ?? document, operationName, variableValues];
  return createHash("sha256").update(JSON.stringify(asked)).digest("base64");
}
