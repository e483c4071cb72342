import { withoutSecretNames } from "../../secrets/naming.ts";
import { mayCall } from "../caller.ts";
import type { ApiContext } from "../context.ts";

/** A text for people as this caller may read it: without names of secrets for roles that see none. */
export const readableBy = <Text extends string | null>(
  { caller }: Pick<ApiContext, "caller">,
  text: Text,
): Text =>
  (text === null || mayCall(caller, "secret-name:read") ? text : withoutSecretNames(text)) as Text;
