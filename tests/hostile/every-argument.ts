import {
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
} from "graphql";

/** A root field with one argument, or one field of its input, left for a text. */
export interface Hole {
  /** `mutation.createPlatformUser(input: {email: "nobody@tenantry.test", name: $text, role: …})`. */
  readonly field: string;
  readonly operation: "query" | "mutation" | "subscription";
  /** The type of the text that fits: only String and ID take any. */
  readonly type: string;
  /** The field as it stands in a document, for a variable of this name. */
  call(variable: string): string;
}

const TEXTS = new Set(["String", "ID", "DateTime", "EventCursor"]);
const HOLE = "$text";

/** What the other fields of an input say: it should be read to its end, and change nothing. */
const PLAUSIBLE: Readonly<Record<string, string>> = {
  slug: "no-such-tenant",
  email: "nobody@tenantry.test",
  adminEmail: "nobody@tenantry.test",
  dbServer: "no-such-server",
  name: "no-such-server",
};

/** Every place of the schema where a caller writes a text. */
export function everyArgument(schema: GraphQLSchema): Hole[] {
  return (["query", "mutation", "subscription"] as const).flatMap((operation) =>
    Object.values(schema.getRootType(operation as never)?.getFields() ?? {}).flatMap((field) =>
      field.args.flatMap((arg) =>
        holesOf(arg.type).map(([value, type]): Hole => {
          const others = field.args.filter((other) => other !== arg && isRequiredArgument(other));
          const given = others.map(
            (other) => `${other.name}: ${plausible(other.type, other.name)}`,
          );
          const call = `${field.name}(${[...given, `${arg.name}: ${value}`].join(", ")})${selectionOf(field)}`;
          return {
            field: `${operation}.${field.name}`,
            operation,
            type,
            call: (variable) => call.replace(HOLE, () => `$${variable}`),
          };
        }),
      ),
    ),
  );
}

/** Values of a type with one hole each, and what fits there. */
function holesOf(type: GraphQLInputType): [value: string, type: string][] {
  if (isNonNullType(type)) return holesOf(type.ofType);
  if (isListType(type)) return holesOf(type.ofType).map(([value, leaf]) => [`[${value}]`, leaf]);
  if (!isInputObjectType(type)) return TEXTS.has(type.name) ? [[HOLE, type.name]] : [];
  const fields = Object.values(type.getFields());
  return fields.flatMap((field) =>
    holesOf(field.type).map(([value, leaf]): [string, string] => {
      // A tenant of the name would be made, but for the server that is not there.
      const needed = (name: string) => name === "dbServer" && type.name === "ProvisionTenantInput";
      const others = fields.filter(
        (other) => other !== field && (isRequiredInputField(other) || needed(other.name)),
      );
      const given = others.map((other) => `${other.name}: ${plausible(other.type, other.name)}`);
      return [`{${[...given, `${field.name}: ${value}`].join(", ")}}`, leaf];
    }),
  );
}

function plausible(type: GraphQLInputType, name: string): string {
  if (isNonNullType(type)) return plausible(type.ofType, name);
  if (isListType(type)) return `[${plausible(type.ofType, name)}]`;
  if (isEnumType(type)) return type.getValues()[0]?.name ?? "null";
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    const given = type.isOneOf ? fields.slice(0, 1) : fields.filter(isRequiredInputField);
    return `{${given.map((field) => `${field.name}: ${plausible(field.type, field.name)}`).join(", ")}}`;
  }
  if (type.name === "Boolean") return "true";
  if (type.name === "Int") return "1";
  if (type.name === "DateTime") return '"2099-01-01T00:00:00.000Z"';
  return JSON.stringify(PLAUSIBLE[name] ?? "01a1fbed-b29a-70d2-8c55-85317a02f6a4");
}

function selectionOf(field: GraphQLField<unknown, unknown>): string {
  const type = getNamedType(field.type);
  if (isLeafType(type)) return "";
  if (isUnionType(type)) return " { __typename ... on UserError { code } }";
  if (!isObjectType(type)) return " { __typename }";
  const isPlain = (of: { type: GraphQLOutputType; args: readonly unknown[] }) =>
    isLeafType(getNamedType(of.type)) && of.args.length === 0;
  const fields = Object.values(type.getFields());
  const plain = fields.filter(isPlain).map(({ name }) => name);
  const nodes = fields.some(({ name }) => name === "nodes") ? ["nodes { __typename }"] : [];
  return ` { __typename ${[...plain, ...nodes].join(" ")} }`;
}
