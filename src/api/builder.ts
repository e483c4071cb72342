import SchemaBuilder from "@pothos/core";
import ScopeAuthPlugin from "@pothos/plugin-scope-auth";
import { GraphQLError } from "graphql";
import type { Action } from "../iam/grants.ts";
import { actorWith } from "./caller.ts";
import type { ApiContext } from "./context.ts";

interface SchemaTypes {
  Context: ApiContext;
  DefaultFieldNullability: false;
  AuthScopes: {
    /** What the caller's role must be granted in the grants table. */
    action: Action;
    /** Open to callers without a token. */
    anyone: boolean;
  };
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    JSON: { Input: never; Output: object };
    BigInt: { Input: never; Output: bigint | number };
  };
}

/** The types that the builder was made with, for references that are made elsewhere. */
export type BuilderTypes = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;

/** Builds the schema; the files named like rooms add their types and fields to it. */
export const builder = new SchemaBuilder<SchemaTypes>({
  plugins: [ScopeAuthPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    authorizeOnSubscribe: true,
    authScopes: ({ caller }) => ({
      anyone: true,
      action: (action) => {
        actorWith(caller, action);
        return true;
      },
    }),
  },
});

builder.queryType({ description: "What can be asked. Every field needs a signed-in caller." });
builder.mutationType({
  description:
    "What can be done. Each mutation answers a union: the payload, or a type that implements `UserError`. A long act answers at once with its operation, which then runs on its own.",
});
builder.subscriptionType({
  description:
    "What can be followed live, over WebSocket (graphql-transport-ws) or as server-sent events.",
});

const ISO_8601 = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/i;
const FIRST_MOMENT = new Date("0001-01-01T00:00:00.000Z");
const LAST_MOMENT = new Date("9999-12-31T23:59:59.999Z");

builder.scalarType("DateTime", {
  specifiedByURL: "https://scalars.graphql.org/andimarek/date-time",
  description:
    "A moment in ISO 8601 with milliseconds, in UTC: `2026-11-21T09:30:00.000Z`. Years from 0001 to 9999.",
  serialize: (value) => value.toISOString(),
  parseValue: (value) => {
    const date = new Date(typeof value === "string" && ISO_8601.test(value) ? value : Number.NaN);
    // A time zone can lead out of the years that PostgreSQL and ISO 8601 both write with four digits.
    if (!(date >= FIRST_MOMENT && date <= LAST_MOMENT)) {
      throw new GraphQLError("DateTime must be an ISO 8601 text of the years 0001 to 9999");
    }
    return date;
  },
});

builder.scalarType("BigInt", {
  description:
    "A whole number that may have more than 32 bits, as a text of digits: not every client's numbers hold it.",
  serialize: (value) => String(value),
});

builder.scalarType("JSON", {
  specifiedByURL: "https://www.rfc-editor.org/rfc/rfc8259",
  description: "A JSON object whose fields depend on what it belongs to; only ever answered.",
  serialize: (value) => value,
});
