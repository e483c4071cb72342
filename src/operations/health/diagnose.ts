import { isDomainError } from "../../kernel/domain-error.ts";
import { secretCalled } from "../../secrets/naming.ts";
import type { Listed } from "../../tenant-schemas/drift.ts";
import { groupRoleOf } from "../../tenant-schemas/tenant-database.ts";
import type { Check } from "../../tenant-schemas/verify-tenant-schema.ts";
import type { TenantStatus } from "../../tenants/lifecycle.ts";
import type { TenantLimits } from "../../tenants/limits.ts";
import { rolesOf } from "../../tenants/names.ts";
import { openRolesOf } from "../../tenants/open-roles.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { namesOfTenant } from "../site/site.ts";
import type { Inside, SecretState } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { indexFindings, ledgerFindings } from "./ledger-findings.ts";
import { settingFindings } from "./limit-findings.ts";
import { inWords, isWhole, type Marked } from "./orphans.ts";
import type { ServerSurvey } from "./server-survey.ts";

/** What a tenant of a status consists of; null where nothing may be there. */
const EXPECTED: Record<TenantStatus, { readonly canLogin: boolean } | null> = {
  PROVISIONING: null,
  ACTIVE: { canLogin: true },
  FAILED: null,
  SUSPENDED: { canLogin: false },
  OFFBOARDED: { canLogin: false },
  PURGED: null,
};

/** Whether the status lets the tenant's application in; null where there is nothing to log in to. */
export const mayLogIn = (status: TenantStatus): boolean | null =>
  EXPECTED[status]?.canLogin ?? null;

/** Everything that was found out about one tenant. */
export interface Evidence {
  /** Its server, as it was found; undefined for a tenant that is placed nowhere. */
  readonly survey: ServerSurvey | Error | undefined;
  /** What bears its mark on servers that it is not placed on. */
  readonly marked: readonly Marked[];
  /** Undefined where it was not read. */
  readonly secret: SecretState | undefined;
  /** Undefined where it was not read. */
  readonly inside: Inside | undefined;
  /** Whether it was provisioned without a laboratory, as was asked for. */
  readonly wantsNoLaboratory: boolean;
  /** Undefined where it was not tried. */
  readonly login: Check | undefined;
  /** The migration folder of this process; null where it could not be read. */
  readonly migrations: readonly Listed[] | null;
  /** What its logins may take by the configuration of this process. */
  readonly limits: TenantLimits;
  /** How many processes of Tenantry need connections beside its. */
  readonly processes: number;
  readonly now: Date;
}

/** What the platform does by itself at a moment gets this long to begin. */
const OWN_TIMER_MS = 15 * 60_000;

const isOverdue = (moment: Date | null, now: Date): moment is Date =>
  moment !== null && moment.getTime() + OWN_TIMER_MS <= now.getTime();

/** Says what is wrong with a tenant that no operation works on. */
export function diagnose(tenant: Tenant, evidence: Evidence): Finding[] {
  if (tenant.status === "PROVISIONING") return [stuck(tenant)];
  const expected = EXPECTED[tenant.status];
  if (expected === null) return leftovers(tenant, evidence);
  // Once a purge has begun, what is missing is missing rightly.
  if (tenant.status === "OFFBOARDED" && tenant.offboardedFrom === null) return [unfinished(tenant)];
  const place = placeFindings(tenant, evidence, expected.canLogin);
  // A refused login is a finding only where nothing else explains it.
  const { login: _, ...rest } = evidence;
  return [
    ...place,
    ...secretFindings(tenant, place.length === 0 ? evidence : { ...rest, login: undefined }),
    ...retentionFindings(tenant, evidence),
    ...elsewhere(tenant, evidence),
  ];
}

const stuck = (tenant: Tenant): Finding => ({
  code: "PROVISIONING_STUCK",
  message: `Tenant '${tenant.slug}' is PROVISIONING, but no operation works on it`,
  repair: "MARK_FAILED",
});

const unfinished = ({ slug }: Tenant): Finding => ({
  code: "PURGE_UNFINISHED",
  message: `A purge of '${slug}' began and did not end`,
  repair: "PURGE",
});

function leftovers({ slug, status, secretName }: Tenant, evidence: Evidence): Finding[] {
  const { marked, secret } = evidence;
  const things = marked.flatMap((each) => each.things);
  const found = [...things.map(inWords), ...(secret?.ours ? [secretCalled(secretName)] : [])];
  if (found.length === 0) return [];
  const message = `Tenant '${slug}' is ${status}, but there remain: ${found.join(", ")}`;
  if (status === "PURGED") return [{ code: "LEFTOVERS", message, repair: null, others: ["DROP"] }];
  // A provisioning that had failed when the dump was taken may have been retried with success since.
  const others = isWhole(things) ? { others: ["ADOPT"] as const } : {};
  return [{ code: "LEFTOVERS", message, repair: "CLEANUP", ...others }];
}

/** What bears the mark of a tenant on a server that is not its own: it may be the tenant's data. */
function elsewhere({ slug, dbServerId }: Tenant, { marked }: Evidence): Finding[] {
  const things = marked
    .filter(({ serverId }) => serverId !== dbServerId)
    .flatMap((each) => each.things);
  if (things.length === 0) return [];
  const message = `On another db server than that of tenant '${slug}' there are, with its mark: ${things.map(inWords).join(", ")}`;
  return [{ code: "LEFTOVERS", message, repair: null }];
}

function placeFindings(tenant: Tenant, evidence: Evidence, canLogin: boolean): Finding[] {
  const { survey } = evidence;
  if (survey === undefined || survey instanceof Error) {
    const why = isDomainError(survey, "E_SECRET_STORE")
      ? `The db server was not looked at, since its login cannot be read: ${survey.message}`
      : isDomainError(survey)
        ? survey.message
        : survey === undefined
          ? `Tenant '${tenant.slug}' is placed on no db server`
          : "The db server does not answer as expected";
    return [{ code: "SERVER_UNREACHABLE", message: why, repair: null }];
  }
  const database = databaseFindings(tenant, survey, canLogin);
  if (database.length > 0) return database;
  const schemas = survey.databases.get(tenant.databaseName ?? "");
  if (schemas instanceof Error) {
    const message = `The database ${tenant.databaseName} cannot be entered`;
    return [{ code: "SERVER_UNREACHABLE", message, repair: null }];
  }
  const schema = schemas?.get(tenant.schemaName);
  if (schema !== undefined && schema.tenantId !== tenant.id) {
    const message = `The schema ${tenant.schemaName} was not made for this tenant`;
    return [{ code: "SCHEMA_FOREIGN", message, ...TAKEN }];
  }
  // What is missing as a whole is made again as a whole: the rest follows from it.
  if (schema === undefined) {
    const message = `The schema ${tenant.schemaName} does not exist`;
    return [{ code: "SCHEMA_MISSING", message, ...madeAgain(canLogin) }];
  }
  const ledger = schema.hasLedger ? evidence.inside?.ledger : [];
  return [
    // First: what it closes is not judged by the role's login any more.
    ...graceFindings(tenant, evidence),
    ...roleFindings(tenant, survey, canLogin, evidence.secret?.role ?? null),
    ...settingFindings(tenant, survey, evidence),
    ...(ledger === undefined ? [] : ledgerFindings(tenant, ledger, evidence.migrations)),
    ...indexFindings(evidence.inside?.invalid ?? []),
    ...seedFindings(tenant, schema.hasSeedLedger),
    ...organizationFindings(tenant, evidence),
  ];
}

/** What is wrong with the tenant's own database, where it has one. */
function databaseFindings(tenant: Tenant, { own }: ServerSurvey, canLogin: boolean): Finding[] {
  if (tenant.isolation !== "DATABASE") return [];
  const found = own.get(tenant.databaseName ?? "");
  if (found?.tenantId === tenant.id) return [];
  if (found !== undefined) {
    const message = `The database ${tenant.databaseName} was not made for this tenant`;
    return [{ code: "DATABASE_FOREIGN", message, ...TAKEN }];
  }
  const message = `The database ${tenant.databaseName} does not exist`;
  return [{ code: "DATABASE_MISSING", message, ...madeAgain(canLogin) }];
}

/** Its slug may have been provisioned anew behind a purge that the registry does not know of. */
const TAKEN = { repair: null, others: ["PURGE"] } as const;

/**
 * The remedies for a tenant of which the data is not there: it may have been purged behind the dump that the
 * registry was restored from. One that is kept out keeps its state: whoever lets it in again has to decide.
 */
const madeAgain = (canLogin: boolean): Pick<Finding, "repair" | "others"> => ({
  repair: canLogin ? "MIGRATE" : null,
  others: ["PURGE"],
});

function roleFindings(
  tenant: Tenant,
  { roles }: ServerSurvey,
  canLogin: boolean,
  secretRole: string | null,
): Finding[] {
  const { ownerRole, appRole, appRoleB } = rolesOf(tenant.schemaName);
  const open = canLogin ? openRolesOf(tenant) : [];
  const group =
    tenant.isolation === "DATABASE" ? [groupRoleOf(namesOfTenant(tenant).database)] : [];
  // The second app role is there once credentials were rotated.
  const names = [...new Set([ownerRole, appRole, tenant.appRole, ...open, ...group])];
  const missing = names.filter((name) => roles.get(name)?.tenantId !== tenant.id);
  if (missing.length > 0) {
    const taken = missing.some((name) => roles.has(name));
    const message = `These roles ${taken ? "are not the tenant's" : "do not exist"}: ${missing.join(", ")}`;
    // A role that is made again has none of the rights on the tables that are there.
    return [{ code: "ROLE_MISSING", message, repair: null }];
  }
  const can = (name: string) => roles.get(name)?.canLogin === true;
  const both = [appRole, appRoleB];
  if (
    both.some(
      (role) => role === secretRole && role !== tenant.appRole && role !== tenant.retiringRole,
    )
  )
    return newerLogin(tenant, secretRole ?? "", can(secretRole ?? ""));
  const wrong = both.find((name) => can(name) !== open.includes(name));
  if (wrong === undefined) return [];
  const { code, message } = loginFinding(tenant, wrong, can(wrong));
  // A rotation that the registry does not know of: the login in use is not to be closed unasked.
  if (canLogin && both.some((role) => !open.includes(role) && can(role)) && !can(tenant.appRole))
    return [{ code, message, repair: "ROTATE_CREDENTIALS", others: ["SET_LOGIN"] }];
  // It may have been suspended, or brought back, behind the dump that the registry was restored from.
  const whole = canLogin ? !both.some(can) : true;
  return [{ code, message, repair: "SET_LOGIN", ...(whole ? { others: ["FOLLOW_STATUS"] } : {}) }];
}

const loginFinding = (
  { slug, status }: Tenant,
  role: string,
  open: boolean,
): Pick<Finding, "code" | "message"> => ({
  code: open ? "ROLE_CAN_LOGIN" : "ROLE_CANNOT_LOGIN",
  message: `Tenant '${slug}' is ${status}, but ${role} ${open ? "can" : "cannot"} log in`,
});

/** The secret leads to the other app role than the registry's: a rotation that the registry does not know of. */
function newerLogin({ slug, appRole, status }: Tenant, role: string, open: boolean): Finding[] {
  const message = `The secret of tenant '${slug}' leads to ${role}, the registry to ${appRole}`;
  // Whether a login works shows where it is open only.
  const repair = open || status !== "ACTIVE" ? "FOLLOW_SECRET" : null;
  return [{ code: "LOGIN_NEWER", message, repair }];
}

function graceFindings({ retiringRole, retiringUntil }: Tenant, { now }: Evidence): Finding[] {
  if (!isOverdue(retiringUntil, now)) return [];
  const message = `The old login ${retiringRole} was to be closed at ${retiringUntil.toISOString()}`;
  return [{ code: "GRACE_ENDED", message, repair: "RETIRE_CREDENTIALS" }];
}

function seedFindings(tenant: Tenant, hasSeedLedger: boolean): Finding[] {
  if (hasSeedLedger || tenant.seedSets.length === 0) return [];
  const message = `The seed sets ${tenant.seedSets.join(", ")} are not in the schema`;
  return [{ code: "SEEDS_MISSING", message, repair: tenant.status === "ACTIVE" ? "SEED" : null }];
}

/** A schema that was made anew is not whole before it has what provisioning has added. */
function organizationFindings(
  { slug, status, schemaName }: Tenant,
  { inside, wantsNoLaboratory }: Evidence,
): Finding[] {
  const { organizations = 1, laboratories = 1 } = inside?.laboratories ?? {};
  if (organizations > 0 && (laboratories > 0 || wantsNoLaboratory)) return [];
  const message =
    organizations === 0
      ? `The schema ${schemaName} has no organization: migrating adds the one that the tenant began with`
      : `The schema ${schemaName} has no laboratory: add one by tenant add-lab --slug ${slug}`;
  const repair = organizations === 0 && status === "ACTIVE" ? "MIGRATE" : null;
  return [{ code: "ORGANIZATION_MISSING", message, repair }];
}

function secretFindings(tenant: Tenant, { secret, login }: Evidence): Finding[] {
  if (secret?.late && (secret.role === null || secret.role === tenant.appRole)) {
    const message = `The newest version of the ${secretCalled(tenant.secretName)} came late: ${tenant.secretVersion} is the current one`;
    return [{ code: "SECRET_LATE", message, repair: "PUT_SECRET_BACK" }];
  }
  if (secret?.ours === false) {
    return [
      {
        code: "SECRET_MISSING",
        message: `The ${secretCalled(tenant.secretName)} does not exist`,
        repair: tenant.status === "ACTIVE" ? "MIGRATE" : null,
      },
    ];
  }
  if (login === undefined || login.passed) return [];
  return [{ code: "LOGIN_REFUSED", message: login.message, repair: null }];
}

function retentionFindings({ slug, purgeAfter, lockedAt }: Tenant, { now }: Evidence): Finding[] {
  if (!isOverdue(purgeAfter, now)) return [];
  const locked = lockedAt === null ? "" : "; it is locked against deletion";
  return [
    {
      code: "RETENTION_ENDED",
      message: `The retention window of '${slug}' ended at ${purgeAfter.toISOString()}${locked}`,
      repair: lockedAt === null ? "PURGE" : null,
    },
  ];
}
