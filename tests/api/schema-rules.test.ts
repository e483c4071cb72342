import {
  getNamedType,
  getNullableType,
  isInterfaceType,
  isObjectType,
  specifiedDirectives,
} from "graphql";
import { describe, expect, test } from "vitest";
import { schema } from "../../src/api/schema.ts";

/*
 * What the linters of GraphQL schemas recommend, and what Relay asks of a server, beside what
 * `schema.test.ts` and the printing of the schema hold: texts, letter case, unique names.
 */
const named = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith("__"));
const objects = named.filter(isObjectType);
const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
const fields = named
  .filter((type) => isObjectType(type) || isInterfaceType(type))
  .flatMap((type) => Object.values(type.getFields()).map((field) => ({ type, field })));
const placed = (found: typeof fields) => found.map(({ type, field }) => `${type}.${field.name}`);
const connections = objects.filter(({ name }) => name.endsWith("Connection"));
const fieldType = (type: unknown, name: string) =>
  isObjectType(type) || isInterfaceType(type) ? type.getFields()[name]?.type : undefined;

describe("a name", () => {
  test("of a root field does not repeat its root, nor begin with get", () => {
    const odd = fields.filter(
      ({ type, field }) =>
        roots.some((root) => root === type) &&
        (/^(query|get|list|mutation|subscription)(?![a-z])/.test(field.name) ||
          /(Query|Mutation|Subscription)$/.test(field.name)),
    );
    expect(placed(odd)).toEqual([]);
  });

  test("of a type does not tell its kind", () => {
    const odd = named.filter(({ name }) =>
      /^(Enum|Interface|Union)|(Enum|Interface|Union)$/.test(name),
    );
    expect([...odd, ...objects.filter(({ name }) => /^Type|Type$/.test(name))]).toEqual([]);
  });

  test("of a field does not repeat that of its type", () => {
    const odd = fields.filter(({ type, field }) =>
      field.name.toLowerCase().startsWith(type.name.toLowerCase()),
    );
    expect(placed(odd)).toEqual([]);
  });
});

test("what is deprecated says what to use instead, and directives are GraphQL's own", () => {
  const deprecated = fields
    .flatMap(({ field }) => [field, ...field.args])
    .filter(({ deprecationReason: reason }) => typeof reason === "string");
  expect(
    deprecated.filter(({ deprecationReason }) => !/\w{3}/.test(deprecationReason ?? "")),
  ).toEqual([]);
  const known = specifiedDirectives.map(({ name }) => name);
  expect(schema.getDirectives().filter(({ name }) => !known.includes(name))).toEqual([]);
});

/** These have no id, whatever they are about: they last no longer than the answer that they are in. */
const ANSWERS = /(Payload|Connection|Edge|Error|Result|Plan|Summary|Check|Session)$/;
/** Nor do these: they are values of what has them, and a cache keeps them with it. */
const VALUES = [
  // Of the service as it runs: there is one of it, or they go when it stops.
  "OperationQueue Platform RequestLimits Viewer Worker Workers",
  // Of a list: Relay has it so.
  "PageInfo",
  // Of migration folders and seeds: files, known by their names.
  "CheckedMigration LedgerEntry MigrationExtension MigrationFault MigrationFileLeftOut",
  "MigrationFilePlace MigrationRefusal SeedRows SeedSet SeededSet SeededTable",
  // Of db servers.
  "DbServerCluster DbServerLabel DbServerNode DbServerProbe Region",
  // Of tenants and what was done to them.
  "HealthMending HealthRemedy PurgeEvidence RefreshedTarget RemovedPeople TenantClusterPlace",
  "TenantFailure TenantHealth TenantLabel TenantLimits TenantMail TenantRemain",
  // Of requests.
  "Actor AllowedOperation AuditChange CleanupStart CredentialRotationStart SlugAvailability ValidationIssue",
].flatMap((names) => names.split(" "));

test("a type has an id, unless it is a value or an answer", () => {
  const bare = objects.filter(
    (type) => String(fieldType(type, "id")) !== "ID!" && !roots.some((root) => root === type),
  );
  const values = bare.map(({ name }) => name).filter((name) => !ANSWERS.test(name));
  expect(values.sort()).toEqual([...VALUES].sort());
});

describe("Relay's specification", () => {
  test("of PageInfo is kept", () => {
    const pageInfo = schema.getType("PageInfo");
    expect(
      isObjectType(pageInfo) &&
        Object.values(pageInfo.getFields())
          .map(({ name, type }) => `${name}: ${type}`)
          .sort(),
    ).toEqual([
      "endCursor: String",
      "hasNextPage: Boolean!",
      "hasPreviousPage: Boolean!",
      "startCursor: String",
    ]);
  });

  test.each(connections)("of connections and edges is kept by %s", (connection) => {
    const edge = schema.getType(connection.name.replace(/Connection$/, "Edge"));
    expect(String(fieldType(connection, "pageInfo"))).toBe("PageInfo!");
    expect(String(fieldType(connection, "edges"))).toBe(`[${edge}!]!`);
    expect(String(fieldType(edge, "cursor"))).toBe("String!");
    const node = getNullableType(fieldType(edge, "node"));
    expect(isObjectType(node) || isInterfaceType(node)).toBe(true);
    expect(String(fieldType(node, "id"))).toBe("ID!");
  });

  test("of arguments is kept by every field that answers a connection", () => {
    const wrong = fields.filter(({ field }) => {
      const paging = ["first", "after", "last", "before"].map((name) =>
        String(field.args.find((arg) => arg.name === name)?.type),
      );
      return (
        String(getNamedType(field.type)).endsWith("Connection") &&
        paging.join() !== "Int,String,Int,String"
      );
    });
    expect(placed(wrong)).toEqual([]);
  });
});
