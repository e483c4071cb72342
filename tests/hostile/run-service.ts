import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { callerOf, type SignedIn } from "../kit/api.ts";
import { makeServerFolder } from "../kit/folders.ts";

/** What the service's process has used. */
export interface Usage {
  readonly cpuMs: number;
  /** Heap and buffers, behind a collection of garbage. */
  readonly bytes: number;
}

/** The service in a process of its own, in production's mode, with 512 MB of heap. */
export interface Service extends AsyncDisposable {
  readonly url: string;
  usage(): Promise<Usage>;
  /** Signs in as its first administrator. */
  signIn(): Promise<Omit<SignedIn, "email">>;
  /** Whether its process still lives. */
  lives(): boolean;
}

const ADMIN = { email: "root@tenantry.test", password: "seven quiet herons wait" };

/** Starts the service on an embedded server of its own. */
export async function runService(): Promise<Service> {
  const dataDir = await makeServerFolder("tenantry-hostile-");
  const child = fork(join(import.meta.dirname, "service.ts"), {
    execArgv: ["--max-old-space-size=512"],
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: {
      // biome-ignore lint/style/noProcessEnv: the child's PATH and HOME
      ...process.env,
      NODE_ENV: "production",
      SECRET_STORE: "local",
      DATA_DIR: dataDir,
      PORT: "0",
      LOG_LEVEL: "error",
      PLATFORM_ADMIN_EMAIL: ADMIN.email,
      PLATFORM_ADMIN_PASSWORD: ADMIN.password,
    },
  });
  const url = await urlOf(child);
  return {
    url,
    lives: () => child.exitCode === null && child.signalCode === null,
    usage: async () => {
      child.send("usage");
      const [usage] = await once(child, "message");
      return usage as Usage;
    },
    signIn: async () => {
      const { signIn } = await callerOf(url, null).ask(
        "mutation ($input: SignInInput!) { signIn(input: $input) { ... on Session { accessToken } } }",
        { input: ADMIN },
      );
      return callerOf(url, signIn.accessToken as string);
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function urlOf(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout as Readable })) {
    const [, url] = /listens on (\S+)/.exec(line) ?? [];
    if (url === undefined) continue;
    child.stdout?.resume();
    return url;
  }
  throw new Error("The service ended before it listened");
}
