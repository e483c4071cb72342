import { z } from "zod";
import { type Described, describedObject } from "../kernel/described.ts";
import { lineField, unique } from "../kernel/input.ts";

/** A word about a tenant, for whoever groups them. */
export const TenantLabel = describedObject(
  "TenantLabel",
  "Something noted of a tenant, by which tenants can be found: `wave: canary`.",
  {
    key: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._/-]{0,62}$/, "must be 1 to 63 characters of a-z, 0-9 and ._/-")
      .describe("What is noted: 1 to 63 characters of a-z, 0-9 and `._/-`."),
    value: lineField(200).describe("The note, 1 to 200 characters."),
  },
);
export type TenantLabel = Described<typeof TenantLabel>;

/** Labels in an input, each key once. */
export const labelsField = z
  // A key that a later version adds is refused, where the answered type would drop it.
  .array(TenantLabel.strict().meta({ ...TenantLabel.meta() }))
  .max(50, "must be at most 50 labels")
  .refine((labels) => unique(labels.map(({ key }) => key)), "must have each key once");

/** Labels as the registry keeps them. */
export type LabelMap = Readonly<Record<string, string>>;

export const labelMapOf = (labels: readonly TenantLabel[]): LabelMap =>
  Object.fromEntries(labels.map(({ key, value }) => [key, value]));

/** The labels of a tenant, by their keys. */
export const labelsOf = ({ labels }: { readonly labels: LabelMap }): TenantLabel[] =>
  Object.entries(labels)
    .map(([key, value]) => ({ key, value }))
    .sort((one, other) => (one.key < other.key ? -1 : 1));
