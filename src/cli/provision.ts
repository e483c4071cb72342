import { randomUUID } from "node:crypto";
import { authorize } from "../iam/grants.ts";
import { isWorkerAlive } from "../operations/engine/liveness.ts";
import type { ProvisionRequest } from "../operations/provision-input.ts";
import { startProvisioning } from "../operations/provision-tenant.ts";
import { EXIT, UsageError } from "./exit-codes.ts";
import { accessFields, adminAccess } from "./first-admin-access.ts";
import { exitCodeOf, seeThrough, type Watched } from "./follow-operation.ts";
import { runCommand, runOnPlatform, type Session } from "./session.ts";
import { operationJson, showResult } from "./show-result.ts";

/** The flags of `tenant provision`, as commander hands them over. */
export interface ProvisionFlags {
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
  readonly dryRun?: boolean;
  readonly idempotencyKey?: string;
  readonly json?: boolean;
  readonly wait: boolean;
}

/** `tenantry tenant provision`: starts the operation, shows its phases, and sums up what was made. */
export async function provision(flags: ProvisionFlags): Promise<never> {
  const missing = missingFlags(flags);
  if (missing.length > 0) {
    return await runCommand(flags, () => {
      const help = "See tenantry tenant provision --help";
      throw new UsageError(`Missing: ${missing.join(", ")}\n${help}`);
    });
  }
  return await runOnPlatform(flags, (session) => start(session, flags));
}

async function start(session: Session, flags: ProvisionFlags): Promise<number> {
  const { platform, actor, out } = session;
  authorize(actor, "tenant:provision");
  const { operation, replayed } = await startProvisioning(platform, actor, requestOf(flags), {
    dryRun: flags.dryRun ?? false,
    idempotencyKey: flags.idempotencyKey ?? randomUUID(),
  });
  const json = flags.json ?? false;
  if (json) out.json({ type: "STARTED", replayed, operation: operationJson(operation) });
  else {
    const act = flags.dryRun ? "Dry run for" : "Provisioning";
    const again = replayed ? ", started earlier with the same idempotency key" : "";
    out.line(
      `${act} ${out.style("bold", operation.subjectName)}  (operation ${operation.id}${again})`,
    );
  }
  if (!flags.wait) return await leaveIt(session, operation.id);
  return await seeThrough(session, operation, { json }, (watched) => sumUp(session, watched, json));
}

async function leaveIt({ platform, out }: Session, operationId: string): Promise<number> {
  if (!(await isWorkerAlive(platform.orm.em.fork()))) {
    out.note(
      "No worker is alive: the operation waits until one starts (npm start, tenantry worker).",
    );
  }
  out.note(`Watch it: tenantry operation watch ${operationId}`);
  return EXIT.ok;
}

/** Writes the end of a provisioning, and how the first admin gets in; answers the exit code. */
export async function sumUp(session: Session, watched: Watched, json: boolean): Promise<number> {
  const { out } = session;
  const { operation } = watched;
  const access = await adminAccess(session, operation);
  if (json) {
    const { mail, oneTimePassword } = access;
    out.json({ type: "RESULT", operation: operationJson(operation), mail, oneTimePassword });
  } else {
    showResult(out, operation, accessFields(operation, access));
  }
  return exitCodeOf(watched);
}

const REQUIRED = {
  slug: "--slug",
  name: "--name",
  adminEmail: "--admin-email",
  lab: "--lab",
} as const;

const missingFlags = (flags: ProvisionFlags): string[] =>
  Object.entries(REQUIRED).flatMap(([key, flag]) =>
    flags[key as keyof typeof REQUIRED] === undefined ? [flag] : [],
  );

/** `one-time-password` on the command line is ONE_TIME_PASSWORD everywhere else. */
const enumOf = (text: string | undefined) => text?.toUpperCase().replaceAll("-", "_");

const listOf = (text: string | undefined) =>
  text
    ?.split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

/** The request that the flags make; what is left out takes the request's own default. */
function requestOf(flags: ProvisionFlags): ProvisionRequest {
  const fields = {
    slug: flags.slug,
    name: flags.name,
    adminEmail: flags.adminEmail,
    adminName: flags.adminName,
    initialLaboratory: flags.lab,
    setupName: flags.setupName,
    region: flags.region,
    vertical: flags.vertical,
    states: listOf(flags.states),
    tier: enumOf(flags.tier),
    timeZone: flags.timeZone,
    supportEmail: flags.supportEmail,
    supportPhone: flags.supportPhone,
    requestedBy: flags.requestedBy,
    seeds: listOf(flags.seeds),
    allowExistingUser: flags.allowExistingUser,
    adminCredential: enumOf(flags.adminCredential),
    isolation: enumOf(flags.isolation),
    dbServer: flags.dbServer,
  };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  // Whether the words are those of the enums is decided where all other faults are.
  return Object.fromEntries(given) as unknown as ProvisionRequest;
}
