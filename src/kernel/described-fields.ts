import type { z } from "zod";

/** What kind of value a field holds, once its wrappers are taken off. */
type Kind = z.core.$ZodTypes["_zod"]["def"]["type"];

/** A field of a schema without its wrappers (nullable, default, …), and what these said. */
export interface Field {
  readonly schema: z.ZodType;
  readonly kind: Kind;
  readonly description: string | undefined;
  readonly nullable: boolean;
  /** Absent where the field has no default. */
  readonly defaultValue?: unknown;
  readonly meta: z.GlobalMeta;
}

/** The definition of a schema, as zod keeps it. */
const defOf = (schema: z.ZodType) => (schema as unknown as z.core.$ZodTypes)._zod.def;

/** Takes the wrappers of a field off; its description is the outermost one. */
export function fieldOf(schema: z.ZodType): Field {
  const meta = schema.meta() ?? {};
  const def = defOf(schema);
  switch (def.type) {
    case "nullable":
    case "optional":
      return { ...within(def.innerType, meta), nullable: true };
    case "default":
      return { ...within(def.innerType, meta), defaultValue: def.defaultValue };
    case "readonly":
      return within(def.innerType, meta);
    case "pipe":
      // What reads an earlier form first takes anything.
      return within(defOf(def.in as z.ZodType).type === "transform" ? def.out : def.in, meta);
    default:
      return { schema, kind: def.type, description: meta.description, nullable: false, meta };
  }
}

function within(inner: z.core.$ZodType, outer: z.GlobalMeta): Field {
  const field = fieldOf(inner as z.ZodType);
  return {
    ...field,
    description: outer.description ?? field.description,
    meta: { ...field.meta, ...outer },
  };
}

/** The schema of a list's entries. */
export const elementOf = (schema: z.ZodType): z.ZodType =>
  (schema as z.ZodArray<z.ZodType>).element;

/** The name of a text's or number's format: `uuid`, `datetime`, `safeint`; undefined without one. */
export const formatOf = (schema: z.ZodType): string | undefined =>
  (defOf(schema) as { readonly format?: string }).format;

/** The fields of an object, with their names. */
export const fieldsOf = (schema: z.ZodObject): [name: string, field: Field][] =>
  Object.entries(schema.shape).map(([name, field]) => [name, fieldOf(field as z.ZodType)]);
