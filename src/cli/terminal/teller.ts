import type { z } from "zod";

/** What there is to tell of a result, in words. */
export type Fields = [name: string, value: string][];

/** Puts the result of an operation into words. */
export type Teller = (result: unknown) => Fields;

/** Makes a teller that reads the result with its schema. */
export const by =
  <Result>(schema: z.ZodType<Result>, tell: (result: Result) => Fields): Teller =>
  (result) =>
    tell(schema.parse(result));

/** A field, where there is a value to tell. */
export const row = (name: string, value: string | false | null | undefined): Fields =>
  typeof value === "string" ? [[name, value]] : [];

/** Names with commas between them. */
export const listed = (names: readonly string[]): string =>
  names.length === 0 ? "nothing" : names.join(", ");
