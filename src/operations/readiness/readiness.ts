import type { EntityManager } from "../../database/orm.ts";
import type { Described } from "../../kernel/described.ts";
import { DomainError, isDomainError } from "../../kernel/domain-error.ts";
import type { Labelled } from "../../kernel/labelled.ts";
import { organizationChecks } from "../../laboratories/organizations.ts";
import { verifySeeds } from "../../seeding/apply-seeds.ts";
import { openSeedFolder, resolveSets } from "../../seeding/seed-folder.ts";
import { openMigrationFolder } from "../../tenant-schemas/migration-folder.ts";
import { probeAppLogin } from "../../tenant-schemas/probe-app-login.ts";
import type { ReadinessCheck } from "../../tenant-schemas/verify-tenant-schema.ts";
import {
  type Check,
  check,
  verifyTenantSchema,
} from "../../tenant-schemas/verify-tenant-schema.ts";
import { expectSecret } from "../credentials/own-secret.ts";
import { readAppLogin } from "../credentials/tenant-secret.ts";
import { inTenantDatabase } from "../site/databases.ts";
import type { Site } from "../site/site.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import type { TenantRun } from "../tenant-run.ts";

/** What the readiness checks found. */
export interface Readiness {
  readonly checks: readonly Check[];
  readonly tables: number;
  readonly migrations: number;
  readonly version: string | null;
}

type ReadinessPorts = Pick<TenantPorts, "orm" | "servers" | "secrets" | "migrations" | "seeds">;

/**
 * Runs the readiness checks of a tenant: by its ledger every migration applied and unchanged, everything
 * owned by its owner role, any tables, its seed sets in its list of seeds, an organization where the
 * schema has organizations, and its app role's login with the secret as the store answers it. Tables are
 * not compared with anything.
 *
 * @param run the operation that has it checked: it puts a secret right that was written late
 * @param seedSets the sets that must be there, `all` and dependencies understood
 * @param suspended whether the login is to be closed
 * @throws DomainError E_ADMIN_CONN_UNRESOLVED and the like: where a check cannot be made at all
 */
export async function checkReadiness(
  ports: ReadinessPorts,
  run: TenantRun<unknown, unknown, unknown> | null,
  site: Site,
  seedSets: readonly string[],
  suspended = false,
): Promise<Readiness> {
  const folder = await openMigrationFolder(ports.migrations);
  const sets = resolveSets(await openSeedFolder(ports.seeds), seedSets);
  const { names } = site;
  const inside = inTenantDatabase(ports, site, async (client) => {
    const { checks, ...summary } = await verifyTenantSchema(client, { names, folder });
    const seeds = await verifySeeds(client, names, sets);
    const organization = await organizationChecks(client, names.schema);
    return { checks: [...checks, seeds, ...organization], ...summary };
  });
  const [found, login] = await Promise.all([
    inside.catch(whatIsMissing),
    checkLogin(ports, run, site),
  ]);
  return { ...found, checks: [...found.checks, suspended ? closed(login) : login] };
}

/** The login of a suspended tenant is as it should be where the server lets nobody in by it. */
const closed = (login: Check): Check => {
  if (login.passed) return check("ROLE_LOGIN", false, "the login is open: resume or suspend again");
  return login.detail.sqlstate === "28000"
    ? check("ROLE_LOGIN", true, "closed, as the tenant is suspended")
    : login;
};

/** A database that is missing is an answer: without it there is nothing else to check. */
function whatIsMissing(error: unknown): Readiness {
  if (!isDomainError(error, "E_TENANT_NOT_READY")) throw error;
  const checks = [check("SCHEMA", false, error.message)];
  return { checks, tables: 0, migrations: 0, version: null };
}

async function checkLogin(
  ports: ReadinessPorts,
  run: TenantRun<unknown, unknown, unknown> | null,
  site: Site,
): Promise<Check> {
  try {
    if (run) await expectSecret(ports, run);
    return await probeAppLogin(await readAppLogin(ports.secrets, site));
  } catch (error) {
    // A store that is busy for the moment says nothing of the tenant: that is tried again.
    if (!isDomainError(error, "E_SECRET_STORE") || error.transient) throw error;
    return check("ROLE_LOGIN", false, error.message);
  }
}

/** The checks that did not pass. */
export const failedChecks = ({ checks }: Pick<Readiness, "checks">): Check[] =>
  checks.filter(({ passed }) => !passed);

/**
 * Refuses a tenant of which a check failed.
 *
 * @throws DomainError E_TENANT_NOT_READY naming every failed check
 */
export function refuseUnready(readiness: Pick<Readiness, "checks">): void {
  const failed = failedChecks(readiness);
  if (failed.length === 0) return;
  throw new DomainError("E_TENANT_NOT_READY", {
    message: failed.map(({ name, message }) => `${name}: ${message}`).join("; "),
    detail: { failed },
  });
}

/**
 * Makes a tenant ACTIVE that was not in use yet, in the caller's transaction.
 *
 * @returns whether it was not
 */
export const activate = (
  { clock }: Pick<TenantPorts, "clock">,
  run: Pick<TenantRun<unknown, unknown>, "update">,
  em: EntityManager,
): Promise<boolean> =>
  run.update(
    em,
    { status: "ACTIVE", failureCode: null, failureMessage: null, activatedAt: clock() },
    ["PROVISIONING", "FAILED"],
  );

/** Readiness checks for a person, each with its sign. */
export const checksShown = (checks: readonly Described<typeof ReadinessCheck>[]): Labelled =>
  checks.map(({ name, passed, message }) => [`${passed ? "✔" : "✘"} ${name}`, message]);
