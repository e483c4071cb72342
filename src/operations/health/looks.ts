import { LIFECYCLE } from "../../tenants/lifecycle.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { type Evidence, mayLogIn } from "./diagnose.ts";

/** What can be examined of a tenant, in the order in which it is shown; not its tables. */
export const HEALTH_LOOKS = [
  "STATUS",
  "OPERATION",
  "LEFTOVERS",
  "PLACEMENT",
  "ROLES",
  "SECRET",
  "LOGIN",
  "LEDGER",
  "FOLDER",
  "INDEXES",
  "SEEDS",
  "LABORATORIES",
] as const;
export type HealthLook = (typeof HEALTH_LOOKS)[number];

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
  return HEALTH_LOOKS.filter((each) => looks.has(each));
}
