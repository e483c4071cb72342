import { hostname, userInfo } from "node:os";
import { type ApiAccess, type Config, readApiAccess, readConfig } from "../config.ts";
import type { Actor } from "../iam/actor.ts";
import { isTrustedUrl } from "../iam/single-sign-on/single-sign-on.ts";
import type { Platform } from "../platform.ts";
import type { Api } from "./api/api.ts";
import { UsageError } from "./terminal/exit-codes.ts";
import { exitWith, type Output, openOutput } from "./terminal/output.ts";
import { reportError } from "./terminal/report-error.ts";

/** What a command is given. */
export interface Session {
  readonly out: Output;
  readonly api: Api;
  /** What the API is executed with in this process; null over HTTP. */
  readonly local: Local | null;
}

/** The platform that a command has opened itself, and the OS user as whom it acts. */
export interface Local {
  readonly platform: Platform;
  readonly actor: Actor;
}

/** What a command is given that works at the machine only. */
export interface PlatformSession extends Session, Local {}

/**
 * A command's configuration: the log is quiet unless it was asked to be more than the usual. Why an
 * operation failed is told by the command itself, so that it need not be a warning as well.
 */
export function commandConfig(): Config {
  const config = readConfig();
  return { ...config, logLevel: config.logLevel === "info" ? "error" : config.logLevel };
}

/**
 * The OS user who runs the command, as the actor of what it does: whoever can open the platform's
 * database and key file is its administrator, and the audit trail names the login and the host.
 */
function osActor(): Actor {
  const login = loginName();
  return {
    kind: "OS_USER",
    id: `${login}@${hostname()}`,
    name: login,
    role: "ADMINISTRATOR",
    address: null,
  };
}

function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a uid that no account has.
    return `uid-${process.getuid?.() ?? "unknown"}`;
  }
}

type Before = (out: Output) => Promise<void> | void;

/**
 * Runs a command that asks the API: over HTTP as the token where TENANTRY_TOKEN is set, otherwise executed in
 * this process as the OS user, whether a service answers or not. Ends the process with the exit code that
 * `work` answers, or that its failure stands for.
 *
 * @param before what is to be settled before anything is opened
 */
export async function runAnywhere(
  options: { readonly json?: boolean | undefined },
  work: (session: Session) => Promise<number>,
  before: Before = () => {},
): Promise<void> {
  return await runCommand(options, async (out) => {
    const access = apiAccess(out);
    await before(out);
    if (access === null) return await onPlatform(out, work);
    const { openHttpApi } = await import("./api/http.ts");
    const api = openHttpApi(access);
    try {
      return await work({ out, api, local: null });
    } finally {
      await api.close();
    }
  });
}

/** How the API is reached; null without TENANTRY_TOKEN. A token that others could read is told of. */
export function apiAccess(out: Output): ApiAccess | null {
  const access = readApiAccess();
  if (access !== null && !isTrustedUrl(access.url))
    out.note("TENANTRY_URL is not https: whoever is on the way can read the token.");
  return access;
}

/**
 * Runs a command directly on the platform's database: it works while the API is down. Ends the process
 * as `runAnywhere` does. It refuses to where TENANTRY_TOKEN says that the token is to act.
 *
 * @param before what is to be settled before anything is opened
 */
export async function runOnPlatform(
  options: { readonly json?: boolean | undefined },
  work: (session: PlatformSession) => Promise<number>,
  before: Before = () => {},
): Promise<void> {
  return await runCommand(options, async (out) => {
    refuseToken();
    await before(out);
    return await onPlatform(out, work);
  });
}

/** @throws UsageError where TENANTRY_TOKEN is set */
export function refuseToken(): void {
  if (readApiAccess() === null) return;
  throw new UsageError(
    "This command works at the machine only, on the platform's database, and not over the API: unset TENANTRY_TOKEN to run it there.",
  );
}

/** Works on the platform's database in this process, as the OS user. */
export async function onPlatform(
  out: Output,
  work: (session: PlatformSession) => Promise<number>,
): Promise<number> {
  const opening = import("../assemble.ts").then(({ assemble }) =>
    assemble(commandConfig(), {}, "FIND"),
  );
  // The schema is made while the database is opened.
  const loading = import("./api/in-process.ts");
  // Whichever fails first, both are waited for: what was opened is closed, and no failure is left over.
  await Promise.allSettled([opening, loading]);
  const platform = await opening;
  try {
    const { openInProcessApi } = await loading;
    const { auditRefusals } = await import("../audit/refusal.ts");
    const actor = osActor();
    const api = { ...openInProcessApi(platform, actor), close: async () => {} };
    const local = { platform, actor };
    return await auditRefusals(platform.orm.em, () => work({ out, api, local, ...local }));
  } finally {
    await platform.close();
  }
}

/** Reads the platform's own keys, where the API is executed in this process: most commands need none. */
export const openKeys = async ({ local }: Session): Promise<void> => {
  await local?.platform.openKeys();
};

/** Runs a command and lets the process end with its exit code; what it throws is told in words. */
export async function runCommand(
  options: { readonly json?: boolean | undefined },
  work: (out: Output) => Promise<number>,
): Promise<void> {
  const out = openOutput();
  try {
    exitWith(await work(out));
  } catch (error) {
    const json = options.json ?? false;
    exitWith(await reportError(out, error, { json, ...logLevel() }));
  }
}

function logLevel(): Pick<Config, "logLevel"> | Record<string, never> {
  try {
    return { logLevel: commandConfig().logLevel };
  } catch {
    return {};
  }
}
