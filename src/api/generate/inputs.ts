import type { InputObjectRef } from "@pothos/core";
import type { z } from "zod";
import { elementOf, type Field, fieldOf, fieldsOf } from "../../kernel/described-fields.ts";
import { type BuilderTypes, builder } from "../builder.ts";
import { TenantBy } from "../tenants/tenant-by.ts";
import { apiNameOf } from "./names.ts";
import { enumOf, scalarOf } from "./types.ts";

type InputFields = Parameters<typeof builder.inputType>[1]["fields"];

type InputFieldBuilder = Parameters<InputFields>[0];

/**
 * Adds an input to the schema, with the fields of a described one. What can be null may be left out, which means
 * the same; what has a default may be left out, and null is refused.
 *
 * @param more fields that only the API has
 */
export function inputOf<Schema extends z.ZodObject>(
  name: string,
  schema: Schema,
  more: (t: InputFieldBuilder) => ReturnType<InputFields> = () => ({}),
): InputObjectRef<BuilderTypes, z.input<Schema>> {
  const { description = "" } = schema.meta() ?? {};
  return builder.inputType(name, {
    description,
    fields: (t) => ({ ...inputFields(t, schema), ...more(t) }),
  }) as unknown as InputObjectRef<BuilderTypes, z.input<Schema>>;
}

/** The fields of a described input. */
const inputFields = (t: InputFieldBuilder, schema: z.ZodObject): ReturnType<InputFields> =>
  Object.fromEntries(
    fieldsOf(schema)
      .filter(([, { meta }]) => meta.namesTenant !== "ID")
      .map(([key, field]) =>
        field.meta.namesTenant === "SLUG"
          ? ["tenant", t.field({ type: TenantBy, required: true, description: "Which tenant." })]
          : [apiNameOf(key, field), inputField(t, field)],
      ),
  );

function inputField(t: InputFieldBuilder, field: Field) {
  const { description, nullable, defaultValue } = field;
  // That a list is empty when it is left out needs no telling.
  const quiet = nullable || isEmptyList(defaultValue);
  return t.field({
    type: inputTypeOf(field) as "String",
    required: !quiet,
    ...(description === undefined ? {} : { description }),
    ...(quiet || defaultValue === undefined ? {} : { defaultValue: defaultValue as string }),
  });
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

function inputTypeOf(field: Field): unknown {
  const scalar = scalarOf(field);
  if (scalar !== undefined) return scalar;
  switch (field.kind) {
    case "array":
      return [inputTypeOf(fieldOf(elementOf(field.schema)))];
    case "enum":
      return enumOf(field.schema as z.ZodEnum);
    case "object":
      return objectInput(field.schema as z.ZodObject);
    default:
      throw new Error(`The API takes no '${field.kind}'`);
  }
}

const objects = new Map<string, InputObjectRef<BuilderTypes, Record<string, unknown>>>();

/** The input that has the fields of a described object, and its name. */
export function objectInput(schema: z.ZodObject) {
  const { typeName = "", typeDescription = "" } = schema.meta() ?? {};
  const name = typeName.endsWith("Input") ? typeName : `${typeName}Input`;
  const made = objects.get(name) ?? inputOf(name, schema.describe(typeDescription));
  objects.set(name, made);
  return made;
}
