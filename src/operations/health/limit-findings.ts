import { CONNECTIONS_PER_SERVER } from "../../database/server-pools.ts";
import { roomForTenants } from "../../placement/connection-room.ts";
import { foreignSettings, type LoginPlace, otherLimits } from "../../tenant-schemas/alter-role.ts";
import type { TenantLimits } from "../../tenants/limits.ts";
import { openRolesOf } from "../../tenants/open-roles.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { namesOfTenant } from "../site/site.ts";
import type { Finding } from "./finding.ts";
import type { ServerSurvey } from "./server-survey.ts";

interface Allowed {
  readonly limits: TenantLimits;
  readonly processes: number;
}

/** What is wrong with what the sessions of a tenant's roles begin with, and with how many there may be. */
export function settingFindings(
  tenant: Tenant,
  survey: ServerSurvey,
  { limits, processes }: Allowed,
): Finding[] {
  const names = namesOfTenant(tenant);
  const place = { names, connectDatabase: tenant.databaseName ?? "", limits };
  // Limits are set whenever a login is opened: those that are closed are not judged.
  const open = tenant.status === "ACTIVE";
  return [
    ...foreignFindings(survey, place),
    ...(open
      ? [...limitFindings(tenant, survey, place), ...roomFindings(tenant, survey, place, processes)]
      : []),
  ];
}

/** Settings that a tenant's application gives its role hold from its next login on, and can break that. */
function foreignFindings({ roles }: ServerSurvey, place: LoginPlace): Finding[] {
  const { ownerRole, appRole, appRoleB } = place.names;
  const foreign = [ownerRole, appRole, appRoleB].flatMap((role) =>
    foreignSettings(roles.get(role)?.settings ?? [], place).map((setting) => `${role}: ${setting}`),
  );
  if (foreign.length === 0) return [];
  const message = `Roles have settings that Tenantry has not made (${foreign.join("; ")}): migrating, resuming or rotating takes them away`;
  return [{ code: "ROLE_SETTINGS", message, repair: null }];
}

function limitFindings(tenant: Tenant, { roles }: ServerSurvey, place: LoginPlace): Finding[] {
  const others = openRolesOf(tenant).flatMap((name) => {
    const role = roles.get(name);
    const other = role?.tenantId === tenant.id ? otherLimits(role, place) : [];
    return other.length === 0 ? [] : [`${name}: ${other.join(", ")}`];
  });
  if (others.length === 0) return [];
  const message = `Logins have other limits than they should have (${others.join("; ")})`;
  return [{ code: "ROLE_LIMITS", message, repair: "SET_LIMITS" }];
}

/** One tenant alone could take what others and Tenantry need. */
function roomFindings(
  { slug }: Tenant,
  { server, connections }: ServerSurvey,
  { limits }: LoginPlace,
  processes: number,
): Finding[] {
  const room = roomForTenants(connections, processes * CONNECTIONS_PER_SERVER);
  if (limits.connectionLimit < room) return [];
  const message = `Tenant '${slug}' may open ${limits.connectionLimit} connections, and db server '${server.name}' has ${room} for all tenants: lower its limit with \`updateTenant\`, or raise max_connections`;
  return [{ code: "CONNECTION_LIMIT_HIGH", message, repair: null }];
}
