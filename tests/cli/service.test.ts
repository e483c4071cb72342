import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../packages/embedded-postgres/src/port.ts";
import { SMALL } from "../kit/platform.ts";
import { type Environment, linesOf, makeDataDir, SERVICE, start, tenantry } from "./_run.ts";

let environment: Environment;

beforeAll(async () => {
  const dataDir = await makeDataDir();
  environment = { ...SMALL, DATA_DIR: dataDir, PORT: String(await freePort()), LOG_LEVEL: "error" };
});

afterAll(() => rm(environment.DATA_DIR ?? "", { recursive: true, force: true }));

const ask = async (port: string | undefined) => {
  const answer = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: "{ __typename }" }),
  });
  return await answer.json();
};

/** The slugs of the registry, read as psql would. */
async function tenantsIn(connectionString: string): Promise<string[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query<{ slug: string }>("select slug from platform.tenant");
    return rows.map(({ slug }) => slug);
  } finally {
    await client.end();
  }
}

test("starts, shares its database, survives a kill, and drains", async () => {
  const first = start([SERVICE], environment);
  await first.until("Ctrl-C stops it.");
  expect(await ask(environment.PORT)).toEqual({ data: { __typename: "Query" } });

  const samePort = await start([SERVICE], environment).ended;
  expect(samePort.end).toBe(1);
  expect(samePort.stderr.trim()).toMatch(/^✘ port \d+ of 127\.0\.0\.1 is in use: set PORT .*$/);

  const beside = start([SERVICE], { ...environment, PORT: "0" });
  await beside.until("Ctrl-C stops it.");
  beside.child.kill("SIGTERM");
  expect(await beside.ended).toMatchObject({ end: 0, stderr: "" });
  expect(await ask(environment.PORT)).toEqual({ data: { __typename: "Query" } });

  first.child.kill("SIGKILL");
  const killed = await first.ended;
  expect(killed.end).toBe("SIGKILL");
  expect(killed.stdout.match(/one-time password +\w{20}/g)).toHaveLength(1);

  const second = start([SERVICE], environment);
  await second.until("Ctrl-C stops it.");
  const provisioned = await tenantry(
    [
      "tenant",
      "provision",
      "--slug",
      "acme",
      "--name",
      "Acme",
      "--admin-email",
      "a@b.test",
      "--lab",
      "Main",
    ],
    environment,
  );
  expect(provisioned).toMatchObject({ end: 0, stderr: "" });
  const opened = await tenantry(["db", "url"], environment);
  expect(opened).toMatchObject({ end: 0, stderr: "" });
  expect(await tenantsIn(opened.stdout.trim())).toEqual(["acme"]);
  second.child.kill("SIGTERM");
  const drained = await second.ended;
  expect(drained).toMatchObject({ end: 0, stderr: "" });
  expect(drained.stdout).toMatch(/Stopping \(SIGTERM\)[\s\S]*Stopped\.\n$/);
  expect(drained.stdout).not.toContain("one-time password");

  const closed = await tenantry(["db", "url", "--json"], environment);
  const message = expect.stringMatching(/^No embedded PostgreSQL runs in .+npm start/);
  expect(closed.end).toBe(1);
  expect(linesOf(closed)).toMatchObject([{ type: "ERROR", error: { code: null, message } }]);
});

test("drains when it was started by npm, whose shell passes no signal on", async () => {
  // As `npm start` does: npm, a shell, and the service below it.
  const shell = spawn("sh", ["-c", `"${process.execPath}" "${SERVICE}"; true`], {
    env: { ...environment, npm_lifecycle_event: "start", PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  shell.stdout.setEncoding("utf8");
  let output = "";
  shell.stdout.on("data", (text: string) => {
    output += text;
    if (text.includes("Ctrl-C stops it.")) shell.kill("SIGTERM");
  });
  // The service holds the pipe until it ends.
  await once(shell.stdout, "close");
  expect(output).toContain("Stopping (npm has ended)");
  expect(output.trim().endsWith("Stopped.")).toBe(true);
});
