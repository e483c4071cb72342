import { defineEntity, p } from "@mikro-orm/core";

/** A network from which an account has signed in lately. */
export const SignInPlaceEntity = defineEntity({
  name: "SignInPlace",
  tableName: "sign_in_place",
  schema: "platform",
  properties: {
    /** The account and the network, as a hash. */
    key: p.string().primary(),
    /** The account alone, as a hash. */
    account: p.string(),
    signedInAt: p.datetime(),
  },
});
