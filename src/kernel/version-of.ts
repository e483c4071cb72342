import { z } from "zod";
import { DomainError } from "./domain-error.ts";
import { hashRequest } from "./idempotency-key.ts";

/**
 * The version of what can be edited of an object: an opaque text, another one as soon as one of the values is.
 * What changes by itself, such as a status, is no part of it: nobody's edit is lost by that.
 */
export const versionOf = (values: Readonly<Record<string, unknown>>): string =>
  hashRequest(values).slice(0, 32);

/** The version that an edit was made of: somebody else's edit in between is not written over. */
export const ifVersionField = z
  .string()
  .max(100)
  .nullish()
  .describe(
    "The `version` that the change was made of: it is refused with `E_VERSION_STALE` where somebody else has changed what can be edited since. Left out, the last one wins.",
  );

/**
 * Lets an edit pass that was made of the version that there is.
 *
 * @param expected what the caller has seen; none where it does not matter
 * @throws DomainError E_VERSION_STALE
 */
export function expectVersion(version: string, expected: string | null | undefined): void {
  if (expected != null && expected !== version) throw new DomainError("E_VERSION_STALE");
}
