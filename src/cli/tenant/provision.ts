import { ADMIN_CREDENTIALS } from "../../operations/provision/input.ts";
import { ISOLATIONS } from "../../tenants/names.ts";
import { TIERS } from "../../tenants/tiers.ts";
import { type RunFlags, startAndSeeThrough } from "../operation/start-operation.ts";
import { runAnywhere } from "../session.ts";
import { UsageError } from "../terminal/exit-codes.ts";
import { givenFields, listOf, oneOf } from "../terminal/flag-values.ts";

/** The flags of `tenant provision`, as commander hands them over. */
export interface ProvisionFlags extends RunFlags {
  readonly slug?: string;
  readonly name?: string;
  readonly adminEmail?: string;
  readonly adminName?: string;
  readonly lab?: string;
  readonly setupName?: string;
  readonly region?: string;
  readonly vertical?: string;
  readonly states?: string;
  readonly tier?: string;
  readonly timeZone?: string;
  readonly supportEmail?: string;
  readonly supportPhone?: string;
  readonly requestedBy?: string;
  readonly seeds?: string;
  readonly allowExistingUser?: boolean;
  readonly adminCredential?: string;
  readonly isolation?: string;
  readonly dbServer?: string;
}

/** `tenantry tenant provision`: starts the operation, shows its phases, and sums up what was made. */
export async function provision(flags: ProvisionFlags): Promise<void> {
  refuseMissing(flags);
  const request = requestOf(flags);
  return await runAnywhere(flags, (session) =>
    startAndSeeThrough(session, flags, {
      title: flags.dryRun ? "Dry run for" : "Provisioning",
      act: "provisionTenant",
      request,
    }),
  );
}

const REQUIRED = {
  slug: "--slug",
  name: "--name",
  adminEmail: "--admin-email",
  lab: "--lab",
} as const;

function refuseMissing(flags: ProvisionFlags): void {
  const missing = Object.entries(REQUIRED).flatMap(([key, flag]) =>
    flags[key as keyof typeof REQUIRED] === undefined ? [flag] : [],
  );
  if (missing.length === 0) return;
  throw new UsageError(`Missing: ${missing.join(", ")}\nSee tenantry tenant provision --help`);
}

/** The request that the flags make; what is left out takes the request's own default. */
function requestOf(flags: ProvisionFlags): Record<string, unknown> {
  return givenFields({
    slug: flags.slug,
    name: flags.name,
    adminEmail: flags.adminEmail,
    adminName: flags.adminName,
    initialLaboratory: flags.lab,
    setupName: flags.setupName,
    region: flags.region,
    vertical: flags.vertical,
    states: listOf(flags.states),
    tier: oneOf("--tier", flags.tier, TIERS),
    timeZone: flags.timeZone,
    supportEmail: flags.supportEmail,
    supportPhone: flags.supportPhone,
    requestedBy: flags.requestedBy,
    seeds: listOf(flags.seeds),
    allowExistingUser: flags.allowExistingUser,
    adminCredential: oneOf("--admin-credential", flags.adminCredential, ADMIN_CREDENTIALS),
    isolation: oneOf("--isolation", flags.isolation, ISOLATIONS),
    dbServer: flags.dbServer,
  });
}
