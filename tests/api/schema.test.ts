import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type GraphQLArgument,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
} from "graphql";
import { describe, expect, test } from "vitest";
import { printedSchema } from "../../src/api/print-schema.ts";
import { schema } from "../../src/api/schema.ts";
import { isOpen } from "../../src/api/transport/guard.ts";

const types = Object.values(schema.getTypeMap()).filter(
  (type) => !type.name.startsWith("__") && !["Boolean", "Int", "String", "ID"].includes(type.name),
);

interface Described {
  readonly place: string;
  readonly name: string;
  readonly kind: "type" | "field" | "argument" | "value";
  readonly description: string | null | undefined;
}

const members = (type: GraphQLNamedType): Described[] => {
  if (isEnumType(type)) {
    return type.getValues().map(({ name, description }) => ({
      place: `${type.name}.${name}`,
      name,
      kind: "value" as const,
      description,
    }));
  }
  if (isInputObjectType(type)) {
    return Object.values(type.getFields()).map(({ name, description }) => ({
      place: `${type.name}.${name}`,
      name,
      kind: "field" as const,
      description,
    }));
  }
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  return Object.values(type.getFields()).flatMap(({ name, description, args }) => [
    { place: `${type.name}.${name}`, name, kind: "field" as const, description },
    ...args.map((arg: GraphQLArgument) => ({
      place: `${type.name}.${name}(${arg.name})`,
      name: arg.name,
      kind: "argument" as const,
      description: arg.description,
    })),
  ]);
};

const everything: Described[] = types.flatMap((type) => [
  { place: type.name, name: type.name, kind: "type", description: type.description },
  ...members(type),
]);

const FORM = {
  type: /^[A-Z][A-Za-z]+$/,
  field: /^[a-z][A-Za-z]*$/,
  argument: /^[a-z][A-Za-z]*$/,
  value: /^[A-Z][A-Z_]*$/,
};

describe("the schema", () => {
  test("describes every type, field, argument and value in a sentence", () => {
    const mute = everything.filter(({ description }) => !/^\S.*[.?!)`]$/s.test(description ?? ""));
    expect(mute.map(({ place }) => place)).toEqual([]);
  });

  test("names everything by one convention", () => {
    const odd = everything.filter(({ name, kind }) => !FORM[kind].test(name));
    expect(odd.map(({ place }) => place)).toEqual([]);
  });

  test("says of every root field who may use it", () => {
    const open: string[] = [];
    const unsaid: string[] = [];
    for (const operation of ["query", "mutation", "subscription"] as const) {
      const fields = schema.getRootType(operation as never)?.getFields() ?? {};
      for (const field of Object.values(fields)) {
        const options = field.extensions.pothosOptions as { authScopes?: object };
        if (!options.authScopes) unsaid.push(field.name);
        if (isOpen(schema, operation, field.name)) open.push(field.name);
      }
    }
    expect(unsaid).toEqual([]);
    expect(open.sort()).toEqual([
      "acceptInvitation",
      "changePassword",
      "changeTenantPassword",
      "refreshSession",
      "requestTenantPasswordReset",
      "resetTenantPassword",
      "signIn",
      "signOut",
      "tenantSignIn",
    ]);
  });

  test("answers every mutation with a payload or a UserError, from one input", () => {
    for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
      const name = `${field.name.charAt(0).toUpperCase()}${field.name.slice(1)}`;
      // One acts on the caller and on nothing else.
      const inputs = field.name === "signOutEverywhere" ? [] : [`${name}Input!`];
      expect(field.args.map((arg) => String(arg.type))).toEqual(inputs);
      expect(String(field.type)).toBe(`${name}Result!`);
      const result = schema.getType(`${name}Result`);
      if (!isUnionType(result)) throw new Error(`${name}Result is no union`);
      const [payload, ...more] = result
        .getTypes()
        .filter((type) => !type.getInterfaces().some(({ name: of }) => of === "UserError"));
      expect(payload).toBeDefined();
      expect(more).toEqual([]);
      expect(result.getTypes().map(String)).toContain("RefusedError");
    }
  });

  test("is committed as it is", async () => {
    const committed = join(import.meta.dirname, "../../schema.graphql");
    expect(await readFile(committed, "utf8")).toBe(printedSchema());
  });
});
