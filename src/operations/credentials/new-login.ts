import { scramVerifier } from "../../database/sql.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import type { Secret } from "../../secrets/secret-store.ts";
import { closeAppRole, openAppRole, ownAppRoles } from "../../tenant-schemas/app-login.ts";
import { inSharedDatabase } from "../site/databases.ts";
import type { TenantSite } from "../site/site.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import type { TenantRun } from "../tenant-run.ts";
import { currentSecret, removeSecret, storeSecret } from "./own-secret.ts";
import { loginsOf } from "./tenant-login.ts";
import { connectionUrl, passwordOf, roleOf } from "./tenant-secret.ts";

/** What making a tenant's new login finds out. */
export interface NewLoginFacts {
  /** The app role in use, and the other one, which takes its place. */
  readonly from: string;
  readonly to: string;
  /** Whether the other one was there before. */
  readonly roleExisted: boolean;
  /** Whether the secret leads to it already: an earlier rotation could not take that back. */
  readonly takenUp: boolean;
  /** Null where there was no secret. */
  readonly previousVersion: string | null;
  readonly secretVersion: string;
}

type NewLoginRun = TenantRun<unknown, NewLoginFacts>;

/**
 * Finds the app role that is free, and what the secret is now.
 *
 * @throws DomainError E_PARTIAL_STATE for a role or secret that is not the tenant's,
 *   E_TENANT_NOT_READY for a tenant without its role
 */
export async function chooseRole(
  ports: TenantPorts,
  run: NewLoginRun,
): Promise<Partial<NewLoginFacts>> {
  const site = await run.site();
  const { tenant, names, login: from } = site;
  const to = from === names.appRole ? names.appRoleB : names.appRole;
  const roles = await inSharedDatabase(ports, site, (client) =>
    ownAppRoles(client, { names, tenantId: tenant.id }),
  );
  const missing = [names.appRole, from].find((role) => !roles.includes(role));
  if (missing !== undefined)
    throw new DomainError("E_TENANT_NOT_READY", {
      message: `The role ${missing} does not exist`,
      nextAction: "Make it anew with `migrateTenant`, then ask for this again.",
      retryable: false,
    });
  const secret = await currentSecret(ports, run, tenant);
  return {
    from,
    to,
    roleExisted: roles.includes(to),
    takenUp: secret !== null && roleOf(secret) === to && tenant.retiringRole === null,
    previousVersion: secret?.version ?? null,
  };
}

/** Gives the free role a password, and a login where the tenant is in use. */
export async function openNewLogin(ports: TenantPorts, run: NewLoginRun): Promise<undefined> {
  const { site, url } = await newLoginOf(ports, run);
  await inSharedDatabase(ports, site, (client) =>
    openAppRole(
      client,
      { ...loginsOf(ports, site), role: site.login },
      { verifier: scramVerifier(passwordOf(url)), mayLogIn: site.tenant.status === "ACTIVE" },
    ),
  );
}

/**
 * Closes the free role again, and drops it where this operation made it.
 *
 * @throws DomainError E_TENANT_NOT_READY while the secret leads to it: clients come in by it
 */
export async function closeNewLogin(ports: TenantPorts, run: NewLoginRun): Promise<void> {
  if (run.facts.takenUp) return;
  const { site, stored } = await newLoginOf(ports, run);
  const { tenant, names, login: role } = site;
  if (stored && roleOf(stored) === role) {
    throw new DomainError("E_TENANT_NOT_READY", {
      message: `The stored secret still leads to ${role}, whose login stays open`,
    });
  }
  const drop = run.facts.roleExisted === false;
  await inSharedDatabase(ports, site, (client) =>
    closeAppRole(client, { names, tenantId: tenant.id, role }, { drop }),
  );
}

/** Stores the URL of the new login as the secret's newest version, and reports the version. */
export async function storeNewLogin(
  ports: TenantPorts,
  run: NewLoginRun,
): Promise<Partial<NewLoginFacts>> {
  const { site, url, stored } = await newLoginOf(ports, run);
  const wanted = { value: url, newest: stored };
  const secretVersion = await storeSecret(ports, run, site.tenant, wanted);
  await run.progress(1, 1, `version ${secretVersion}`);
  return { secretVersion };
}

/**
 * Stores what the secret was before as its newest version, unless somebody has stored another.
 *
 * @throws DomainError E_SECRET_STORE when the version is gone
 */
export async function restoreSecret(ports: TenantPorts, run: NewLoginRun): Promise<void> {
  const { takenUp, previousVersion = null } = run.facts;
  const { site, url, stored } = await newLoginOf(ports, run);
  if (takenUp || stored?.value !== url) return;
  const name = site.names.secret;
  if (previousVersion === null) {
    await removeSecret(ports, run);
    return;
  }
  const previous = await ports.secrets.get(name, previousVersion);
  if (!previous) {
    throw new DomainError("E_SECRET_STORE", {
      message: `Version ${previousVersion} of the secret is gone`,
    });
  }
  await storeSecret(ports, run, site.tenant, { value: previous.value, newest: stored });
}

/**
 * Checks whether the store answers the new login by now.
 *
 * @throws DomainError E_SECRET_STORE, to be asked again, while it answers another one
 */
export async function readBack(ports: TenantPorts, run: NewLoginRun): Promise<TenantSite> {
  const { site, url, stored } = await newLoginOf(ports, run);
  if (stored?.value === url) return site;
  throw new DomainError("E_SECRET_STORE", {
    message: "The secret store does not answer the version that was stored",
    transient: true,
  });
}

interface NewLogin {
  /** The tenant's place, entered as the new role. */
  readonly site: TenantSite;
  /** What the secret is to hold. */
  readonly url: string;
  /** What it holds now. */
  readonly stored: Secret | null;
}

async function newLoginOf(ports: TenantPorts, run: NewLoginRun): Promise<NewLogin> {
  const { to, takenUp } = run.facts;
  if (to === undefined) throw new Error("The role is not chosen yet");
  const site = { ...(await run.site()), login: to };
  const own = connectionUrl(site, ports.appPasswords.of(run.operationId));
  const stored = await currentSecret(ports, run, site.tenant, takenUp ? undefined : own);
  const url = takenUp && stored ? connectionUrl(site, passwordOf(stored.value)) : own;
  return { site, url, stored };
}
