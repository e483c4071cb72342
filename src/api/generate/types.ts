import type { EnumRef, ObjectRef } from "@pothos/core";
import type { z } from "zod";
import { type Action, GRANTS } from "../../iam/grants.ts";
import type { Described } from "../../kernel/described.ts";
import {
  elementOf,
  type Field,
  fieldOf,
  fieldsOf,
  formatOf,
} from "../../kernel/described-fields.ts";
import { type BuilderTypes, builder } from "../builder.ts";
import { mayCall } from "../caller.ts";
import type { ApiContext } from "../context.ts";
import { NodeRef } from "../node.ts";
import { readableBy } from "../tenants/secret-names.ts";

const enums = new Map<string, EnumRef<never, string>>();
const objects = new Map<string, ObjectRef<BuilderTypes, never>>();

/** The name of a schema's type. @throws Error where it has none */
function typeNameOf(schema: z.ZodType): string {
  const { typeName } = schema.meta() ?? {};
  if (typeName === undefined) throw new Error("A type of the API needs a `typeName`");
  return typeName;
}

/** The API's enum of a described one; made when it is first asked for. */
export function enumOf<Schema extends z.ZodEnum>(schema: Schema): EnumRef<never, z.output<Schema>> {
  const name = typeNameOf(schema);
  const { typeDescription: description, values = {} } = schema.meta() ?? {};
  const made =
    enums.get(name) ??
    (builder.enumType(name, {
      ...(description === undefined ? {} : { description }),
      values: Object.fromEntries(
        schema.options.map((value) => {
          const meaning = values[value];
          return [value, meaning === undefined ? {} : { description: meaning }];
        }),
      ),
    }) as unknown as EnumRef<never, string>);
  enums.set(name, made);
  return made as unknown as EnumRef<never, z.output<Schema>>;
}

/** The API's object type of a described one; made when it is first asked for. */
export function objectOf<Schema extends z.ZodObject>(
  schema: Schema,
): ObjectRef<BuilderTypes, Described<Schema>> {
  const name = typeNameOf(schema);
  const made = objects.get(name) ?? makeObject(name, schema);
  objects.set(name, made);
  return made as unknown as ObjectRef<BuilderTypes, Described<Schema>>;
}

type Row = Readonly<Record<string, unknown>>;

function makeObject(name: string, schema: z.ZodObject): ObjectRef<BuilderTypes, never> {
  const { typeDescription: description = "", isNode, implements: shared } = schema.meta() ?? {};
  const interfaces = [
    ...(isNode ? [NodeRef] : []),
    ...(shared ? [interfaceOf(shared as z.ZodObject)] : []),
  ];
  return builder.objectRef<Row>(name).implement({
    description,
    // Pothos cannot tell that these rows are among those of the interfaces.
    ...(interfaces.length === 0 ? {} : { interfaces: interfaces as never }),
    fields: describedFields(schema),
  }) as unknown as ObjectRef<BuilderTypes, never>;
}

const interfaces = new Map<string, unknown>();

/** The API's interface of a described object; made when it is first asked for. */
function interfaceOf(schema: z.ZodObject): unknown {
  const name = typeNameOf(schema);
  const { typeDescription: description = "" } = schema.meta() ?? {};
  const made =
    interfaces.get(name) ??
    // The fields of an interface are built as those of an object are.
    builder
      .interfaceRef<Row>(name)
      .implement({ description, fields: describedFields(schema) as never });
  interfaces.set(name, made);
  return made;
}

type FieldBuilder = PothosSchemaTypes.ObjectFieldBuilder<BuilderTypes, Row>;

/** The fields of the API that answer those of a described object, as `objectFields` of a type takes them. */
export const describedFields = (schema: z.ZodObject) => (t: FieldBuilder) =>
  Object.fromEntries(
    fieldsOf(schema).map(([key, field]) => [
      field.meta.apiName ?? key,
      t.field({
        type: outputType(field) as "String",
        nullable: field.nullable || field.meta.needs !== undefined,
        ...(field.description === undefined ? {} : { description: field.description }),
        resolve: (row: Row, _args: object, context: ApiContext) =>
          answerOf(row, key, field, context) as string,
      }),
    ]),
  );

function answerOf(row: Row, key: string, field: Field, context: ApiContext): unknown {
  const { needs, protects, namesSecrets } = field.meta;
  const value = row[key] ?? null;
  if (value === null) return null;
  if (needs !== undefined && !mayCall(context.caller, actionOf(needs))) {
    if (protects === undefined || protects(row as never)) return null;
  }
  if (namesSecrets) return readableBy(context, value as string);
  // What an operation keeps is JSON, whose moments are texts.
  return formatOf(field.schema) === "datetime" ? new Date(value as string) : value;
}

function actionOf(needs: string): Action {
  if (needs in GRANTS) return needs as Action;
  throw new Error(`The grants table has no '${needs}'`);
}

/** What a field is called that the schema keeps without a name of its own. */
const SCALARS: Partial<Record<Field["kind"], string>> = {
  string: "String",
  boolean: "Boolean",
  number: "Float",
  date: "DateTime",
};
const FORMATS: Readonly<Record<string, string>> = {
  uuid: "ID",
  datetime: "DateTime",
  safeint: "Int",
};

/** The scalar of a field; undefined for one that holds an object, an enum or a list. */
export function scalarOf({ schema, kind, meta }: Field): string | undefined {
  if (meta.isId) return "ID";
  if (meta.isBig) return "BigInt";
  const scalar = SCALARS[kind];
  return scalar === undefined ? undefined : (FORMATS[formatOf(schema) ?? ""] ?? scalar);
}

function outputType(field: Field): unknown {
  const scalar = scalarOf(field);
  if (scalar !== undefined) return scalar;
  switch (field.kind) {
    case "array":
      return [outputType(fieldOf(elementOf(field.schema)))];
    case "enum":
      return enumOf(field.schema as z.ZodEnum);
    case "object":
      return objectOf(field.schema as z.ZodObject);
    default:
      throw new Error(`The API has no type for '${field.kind}'`);
  }
}
