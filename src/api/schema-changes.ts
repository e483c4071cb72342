import {
  BreakingChangeType,
  buildSchema,
  DangerousChangeType,
  findSchemaChanges,
  type GraphQLSchema,
} from "graphql";
import { z } from "zod";

/** The breaks that are meant, until the next release: what is told of each, and why it is worth it. */
export const AcceptedBreaks = z.array(
  z.strictObject({ change: z.string().min(1), reason: z.string().min(10) }),
);
export type AcceptedBreak = z.infer<typeof AcceptedBreaks>[number];

/**
 * What a client stumbles over. A changed default is among it: the same document does something else.
 * What is added is not: clients are told that enums and unions grow.
 */
const BREAKS: ReadonlySet<string> = new Set([
  ...Object.values(BreakingChangeType),
  DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE,
  DangerousChangeType.INPUT_FIELD_DEFAULT_VALUE_CHANGE,
]);

/**
 * Compares the schema with the released one.
 *
 * @param released the released schema's text
 * @returns what is wrong, a sentence each: breaks that nobody accepted, and accepted ones that are none
 */
export function faultsSince(
  released: string,
  now: GraphQLSchema,
  accepted: readonly AcceptedBreak[],
): string[] {
  const breaks = findSchemaChanges(buildSchema(released), now)
    .filter(({ type }) => BREAKS.has(type))
    .map(({ description }) => description);
  const meant = accepted.map(({ change }) => change);
  return [
    ...breaks
      .filter((change) => !meant.includes(change))
      .map((change) => `breaks clients of the released schema: ${change}`),
    ...meant
      .filter((change) => !breaks.includes(change))
      .map((change) => `accepted as a break, and is none: ${change}`),
  ];
}
