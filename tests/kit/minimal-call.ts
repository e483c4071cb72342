import {
  type GraphQLField,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from "graphql";

const SCALARS: Readonly<Record<string, string>> = {
  ID: '"01900000-0000-7000-8000-000000000000"',
  String: '"nobody"',
  Int: "1",
  Boolean: "false",
  DateTime: '"2026-01-01T00:00:00.000Z"',
  EventCursor: '"nowhere"',
};

/** A value that an input type accepts, as GraphQL writes it: of an object only what is required. */
function valueFor(type: GraphQLInputType): string {
  if (isNonNullType(type)) return valueFor(type.ofType);
  // Single values of an enum may need more than the field does, which has tests of its own.
  if (isListType(type)) return isEnumType(getNamedType(type)) ? "[]" : `[${valueFor(type.ofType)}]`;
  if (isEnumType(type)) return type.getValues()[0]?.name ?? "";
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    const given = type.isOneOf ? fields.slice(0, 1) : fields.filter(isRequiredInputField);
    return `{ ${given.map((field) => `${field.name}: ${valueFor(field.type)}`).join(", ")} }`;
  }
  const value = SCALARS[type.name];
  if (value === undefined) throw new Error(`no value is known for the scalar ${type.name}`);
  return value;
}

/** The shortest document that calls a root field: what it is about does not exist. */
export function minimalCall(
  door: string,
  // biome-ignore lint/suspicious/noExplicitAny: whatever the schema's fields resolve from
  { name, args, type }: GraphQLField<any, any>,
): string {
  const given = args.filter(isRequiredArgument).map((arg) => `${arg.name}: ${valueFor(arg.type)}`);
  const list = given.length > 0 ? `(${given.join(", ")})` : "";
  const selection = isLeafType(getNamedType(type)) ? "" : " { __typename }";
  return `${door} { ${name}${list}${selection} }`;
}
