import type { z } from "zod";
import { elementOf, type Field, fieldOf, fieldsOf } from "../../kernel/described-fields.ts";
import { OPERATIONS, type OperationName } from "../../operations/catalog.ts";
import type {
  CommandDescription,
  MutationDescription,
  OperationDescription,
} from "../../operations/define-operation.ts";
import { profileAnswers } from "../../operations/tenant-profile.ts";
import { LimitFields, NotedFields } from "../../operations/update-tenant.ts";
import { apiNameOf } from "./names.ts";

/** A flag or argument of a command, which is a field of the mutation's input. */
export interface OperationFlag {
  readonly field: string;
  /** `--to <version>`, or `<sets...>` for an argument. */
  readonly flag: string;
  readonly help: string;
  readonly required: boolean;
  /** What is read from its text; several words stand between commas, unless it takes many; labels are `key=value`, a tenant is its slug. */
  readonly type: "text" | "number" | "boolean" | "list" | "labels" | "tenant";
  /** The values of an enum. */
  readonly values?: readonly string[];
}

/** A command that starts an operation, as the command line builds it without loading the operation. */
export interface OperationCommand extends CommandDescription {
  readonly operation: OperationName;
  readonly mutation: string;
  readonly flags: readonly OperationFlag[];
}

type Described = OperationDescription<never>;

/** src/cli/generated/operations.json: the commands that start operations. */
export function operationCommands(): OperationCommand[] {
  return (Object.entries(OPERATIONS) as unknown as [OperationName, Described][]).flatMap(
    ([operation, { mutation, command, input }]) =>
      mutation && command ? [commandOf(operation, mutation, command, input)] : [],
  );
}

function commandOf(
  operation: OperationName,
  { name: mutation }: MutationDescription,
  command: CommandDescription,
  input: z.ZodObject,
): OperationCommand {
  const flags = fieldsOf(input).flatMap(([name, field]) => flagOf(name, field, command));
  return { operation, mutation, ...command, flags };
}

/** src/cli/generated/update-tenant.json: the flags of `tenant update`, by the headings of its help. */
export const updateFlags = (): Record<string, OperationFlag[]> =>
  Object.fromEntries(
    Object.entries({ "What is changed:": NotedFields, "Limits of its own:": LimitFields }).map(
      ([heading, fields]) => [
        heading,
        fieldsOf(fields).flatMap(([name, field]) => flagOf(name, field)),
      ],
    ),
  );

function flagOf(
  name: string,
  field: Field,
  { slugFlag }: { slugFlag?: string } = {},
): OperationFlag[] {
  const { flag, help = "", namesTenant } = field.meta;
  if (flag === undefined) return [];
  return [
    {
      field: apiNameOf(name, field),
      flag: (namesTenant && slugFlag) || flag,
      help,
      required: !(field.nullable || "defaultValue" in field),
      type: typeOf(field),
      ...(field.kind === "enum" ? { values: (field.schema as z.ZodEnum).options.map(String) } : {}),
    },
  ];
}

function typeOf({ kind, schema, meta }: Field): OperationFlag["type"] {
  if (meta.namesTenant) return "tenant";
  if (kind === "array" && fieldOf(elementOf(schema)).kind === "object") return "labels";
  return TYPES[kind] ?? "text";
}

const TYPES: Partial<Record<Field["kind"], OperationFlag["type"]>> = {
  number: "number",
  boolean: "boolean",
  array: "list",
};

/** src/cli/generated/tenant-profile.graphql: what is noted of a tenant. */
export const profileFragment = (): string =>
  `${[
    "# Made by `npm run schema` from src/operations/tenant-profile.ts.",
    "fragment CommandTenantProfile on Tenant {",
    selectionOf(profileAnswers, "  "),
    "}",
  ].join("\n")}\n`;

/** src/cli/generated/operation-result.graphql: everything that any operation's result says. */
export function resultFragment(): string {
  const schemas = Object.values(OPERATIONS as unknown as Record<string, Described>)
    .flatMap(({ result, plan }) => [plan, result])
    .filter((schema) => schema !== undefined)
    .map((schema) => fieldOf(schema).schema as z.ZodObject);
  const members = schemas.map(
    (schema) => `  ... on ${schema.meta()?.typeName} {\n${selectionOf(schema, "    ")}\n  }`,
  );
  return `${[
    "# Made by `npm run schema` from the results of the operations.",
    "fragment CommandResult on OperationResult {",
    "  __typename",
    ...members,
    "}",
  ].join("\n")}\n`;
}

const selectionOf = (schema: z.ZodObject, indent: string): string =>
  fieldsOf(schema)
    .map(([name, field]) => {
      const inner = field.kind === "array" ? fieldOf(elementOf(field.schema)) : field;
      if (inner.kind !== "object") return `${indent}${name}`;
      const fields = selectionOf(inner.schema as z.ZodObject, `${indent}  `);
      return `${indent}${name} {\n${fields}\n${indent}}`;
    })
    .join("\n");
