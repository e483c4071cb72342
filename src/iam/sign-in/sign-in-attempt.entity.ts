import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

/** How often it failed lately to sign in to one account, or from one address. */
export const SignInAttemptEntity = defineEntity({
  name: "SignInAttempt",
  tableName: "sign_in_attempt",
  schema: "platform",
  properties: {
    /** What is counted, as a hash. */
    key: p.string().primary(),
    failures: p.integer(),
    /** The first failure of the window. */
    since: p.datetime(),
    lastFailureAt: p.datetime(),
    refusalTold: p.boolean(),
  },
});
export type SignInAttempt = InferEntity<typeof SignInAttemptEntity>;
