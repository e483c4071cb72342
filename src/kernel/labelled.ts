/** Values for a person, each with its label, as a command shows them below one another. */
export type Labelled = [label: string, value: string][];

/** A value with its label; nothing where there is no value. */
export const row = (label: string, value: string | false | null | undefined): Labelled =>
  typeof value === "string" ? [[label, value]] : [];

/** Names with commas between them. */
export const listed = (names: readonly string[]): string =>
  names.length === 0 ? "nothing" : names.join(", ");
