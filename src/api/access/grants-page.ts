import type { GraphQLSchema } from "graphql";
import { type Action, GRANTS, isGranted } from "../../iam/grants.ts";
import { ROLES } from "../../iam/roles.ts";

export const DOORS = ["query", "mutation", "subscription"] as const;

/** A root field, and what its caller's role must be granted; null where it is open to everybody. */
export interface GuardedField {
  readonly door: (typeof DOORS)[number];
  readonly name: string;
  readonly action: Action | null;
}

/**
 * Every root field of the schema, by door and name.
 *
 * @throws Error for a field that does not say who may use it
 */
export function guardedFields(schema: GraphQLSchema): GuardedField[] {
  return DOORS.flatMap((door) =>
    Object.values(schema.getRootType(door as never)?.getFields() ?? {})
      .map(({ name, extensions }) => ({ door, name, action: actionOf(name, extensions) }))
      .sort((one, other) => one.name.localeCompare(other.name)),
  );
}

interface Scopes {
  readonly authScopes?: { readonly action?: Action; readonly anyone?: boolean };
}

function actionOf(name: string, extensions: Readonly<Record<string, unknown>>): Action | null {
  const { authScopes } = (extensions.pothosOptions ?? {}) as Scopes;
  if (authScopes?.anyone === true) return null;
  if (authScopes?.action === undefined || !(authScopes.action in GRANTS))
    throw new Error(`${name} does not say who may use it`);
  return authScopes.action;
}

/** docs/grants.md: which role may do what, over which field. */
export function grantsPage(schema: GraphQLSchema): string {
  const head = (first: string, second: string) => [
    `| ${[first, second, ...ROLES].join(" | ")} |`,
    `|${" --- |".repeat(2 + ROLES.length)}`,
  ];
  const cells = (action: Action | null) =>
    ROLES.map((role) => (action === null || isGranted(role, action) ? "yes" : "–"));
  const fields = guardedFields(schema).map(
    ({ door, name, action }) =>
      `| \`${name}\` (${door}) | ${action === null ? "open to everybody" : `\`${action}\``} | ${cells(action).join(" | ")} |`,
  );
  const beside = (Object.keys(GRANTS) as Action[])
    .filter((action) => BESIDE[action] !== undefined)
    .map((action) => `| ${BESIDE[action]} | \`${action}\` | ${cells(action).join(" | ")} |`);
  return `${[
    "# Who may do what",
    "",
    "Made by `npm run schema` from the schema and the grants table (`src/iam/grants.ts`), and held to what",
    "the API does by a test that calls every field as every role. Service tokens have one of these roles.",
    "",
    ...head("field", "needs"),
    ...fields,
    "",
    "Beside the fields themselves:",
    "",
    ...head("what", "needs"),
    ...beside,
  ].join("\n")}\n`;
}

/** Grants that an argument needs, or that decide what is shown. */
const BESIDE: Partial<Record<Action, string>> = {
  "tenant:force": "`activateTenant` with `force`",
  "migration:override": "`migrateTenant` with `allowOutOfOrder`",
  "tenant:purge": "`offboardTenant` with `purge`, or with `retentionDays: 0`",
  "tenant:edit": "`updateTenant` with `name`, `vertical` or limits",
  "member:read": "seeing who belongs to a tenant, and who is invited",
  "secret-name:read": "seeing the names of secrets",
};
