import { hostname, userInfo } from "node:os";
import { auditRefusals } from "../audit/refusal.ts";
import { type Config, readConfig } from "../config.ts";
import type { Actor } from "../iam/actor.ts";
import type { Platform } from "../platform.ts";
import { exitWith, type Output, openOutput } from "./output.ts";
import { reportError } from "./report-error.ts";

/** What a command that works on the platform is given. */
export interface Session {
  readonly out: Output;
  readonly platform: Platform;
  readonly actor: Actor;
}

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

/**
 * Runs a command on the platform, directly on its database: it works while the API is down. Ends
 * the process with the exit code that `work` answers, or that its failure stands for.
 *
 * @param before what is to be settled before anything is opened
 */
export async function runOnPlatform(
  options: { readonly json?: boolean | undefined },
  work: (session: Session) => Promise<number>,
  before: (out: Output) => Promise<void> | void = () => {},
): Promise<never> {
  return await runCommand(options, async (out) => {
    await before(out);
    const { assemble } = await import("../assemble.ts");
    const platform = await assemble(commandConfig());
    try {
      return await auditRefusals(platform.orm.em, () => work({ out, platform, actor: osActor() }));
    } finally {
      await platform.close();
    }
  });
}

/** Runs a command and ends the process with its exit code; what it throws is told in words. */
export async function runCommand(
  options: { readonly json?: boolean | undefined },
  work: (out: Output) => Promise<number>,
): Promise<never> {
  const out = openOutput();
  try {
    return await exitWith(await work(out));
  } catch (error) {
    const json = options.json ?? false;
    return await exitWith(reportError(out, error, { json, ...logLevel() }));
  }
}

function logLevel(): Pick<Config, "logLevel"> | Record<string, never> {
  try {
    return { logLevel: commandConfig().logLevel };
  } catch {
    return {};
  }
}
