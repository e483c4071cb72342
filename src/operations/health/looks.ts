import { type Described, describedEnum } from "../../kernel/described.ts";
import { LIFECYCLE } from "../../tenants/lifecycle.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { type Evidence, mayLogIn } from "./diagnose.ts";

/** In the order in which they are told. */
export const HealthLook = describedEnum(
  "HealthLook",
  "What is looked at of a tenant. Its tables, their columns and rows are not among it.",
  {
    STATUS: "What the registry says: its status, and moments that have passed.",
    OPERATION: "The operation that has not ended, if there is one.",
    LEFTOVERS: "What remains of one that has no place any more.",
    PLACEMENT: "Whether its database and schema are there and bear its mark.",
    ROLES:
      "Whether its roles are there, its own, without foreign settings, with the limits that it has, and may log in as its status says.",
    SECRET: "Whether its secret is there, and its newest version the current one.",
    LOGIN: "A login with the secret, as its application does: of one tenant alone.",
    LEDGER: "Whether its ledger of migrations and the registry tell one version.",
    FOLDER: "Its ledger against the migration folder of the process that looked.",
    INDEXES: "Whether an index of its tables is INVALID.",
    SEEDS: "Whether it has a list of seeds, where it was given any.",
    LABORATORIES: "Whether it has an organization and a laboratory, where it has such tables.",
  },
);
export type HealthLook = Described<typeof HealthLook>;

/** What was examined of a tenant on which no operation works: of the rest, health says nothing. */
export function looksOf(tenant: Tenant, evidence: Evidence): HealthLook[] {
  const { survey, secret, inside, login, migrations } = evidence;
  const looks = new Set<HealthLook>(["STATUS", "OPERATION"]);
  const add = (seen: boolean, ...more: HealthLook[]) => {
    if (seen) for (const each of more) looks.add(each);
  };
  add(secret !== undefined, "SECRET");
  const placed = mayLogIn(tenant.status) !== null;
  add(!placed && tenant.status !== "PROVISIONING", "LEFTOVERS");
  if (placed && survey !== undefined && !(survey instanceof Error)) {
    add(true, "ROLES");
    const schemas = survey.databases.get(tenant.databaseName ?? "");
    add(!(schemas instanceof Error), "PLACEMENT", "SEEDS");
    const none =
      !(schemas instanceof Error) && schemas?.get(tenant.schemaName)?.hasLedger === false;
    const ledger = none || inside?.ledger !== undefined;
    add(ledger, "LEDGER");
    add(ledger && migrations !== null && LIFECYCLE[tenant.status].MIGRATE === "ALLOWED", "FOLDER");
    add(inside !== undefined, "INDEXES", "LABORATORIES");
    add(login !== undefined, "LOGIN");
  }
  return HealthLook.options.filter((each) => looks.has(each));
}
