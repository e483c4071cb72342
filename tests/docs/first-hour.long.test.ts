import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../packages/embedded-postgres/src/port.ts";
import { type Environment, makeDataDir, type Running, SERVICE, start } from "../cli/_run.ts";
import { SMALL } from "../kit/platform.ts";
import { blocksOf, chapter, ROOT, textOf } from "./_pages.ts";

// What the README tells a newcomer to paste, from its first line to its last, against a service of its own.

const run = promisify(execFile);
const firstTenant = chapter(textOf("README.md"), "The first tenant");
const [starting, ...pasted] = blocksOf(firstTenant, "bash");

const TOOLS = ["bash", "curl", "jq", "npx"];
const absent = TOOLS.filter((tool) => spawnSync(tool, ["--version"]).status !== 0);

/** The functions that the README leaves to the application. */
const APPLICATION = `
const operationId = process.argv[2];
const accessToken = async () => process.env.TENANTRY_TOKEN;
const show = (event) => console.log(JSON.stringify(event));
const showEnd = () => console.log("complete");
const showFailure = (reason) => { console.error(reason); process.exitCode = 1; };
`;

let service: Running;
let folder: string;
let port: string;
let settings: Environment;

// Not the whole environment: it may name a database or a token of whoever runs the suite.
// biome-ignore lint/style/noProcessEnv: the child's PATH and HOME
const { PATH, HOME } = process.env;
const SHELL = { PATH, HOME };

const here = (text: string) => text.replaceAll(":4000", `:${port}`);

beforeAll(async () => {
  folder = await makeDataDir();
  port = String(await freePort());
  const url = `http://localhost:${port}/graphql`;
  settings = { ...SMALL, DATA_DIR: folder, PORT: port, LOG_LEVEL: "error", TENANTRY_URL: url };
  service = start([SERVICE], settings);
  await service.until("Ctrl-C stops it.");
});

afterAll(async () => {
  service.child.kill("SIGTERM");
  await service.ended;
  await rm(folder, { recursive: true, force: true });
});

test("begins with what was done to come here", () => {
  expect(starting).toBe("npm ci\nnpm start\n");
});

describe.skipIf(absent.length > 0)("the README's first tenant", () => {
  let token: string;
  let operation: string;

  test("from a script: each block works as pasted", async () => {
    const ending = `\necho "TOKEN=$TENANTRY_TOKEN"\necho "OPERATION=$OPERATION"\n`;
    const script = `set -euo pipefail\n${here(pasted.join("\n"))}${ending}`;
    const { stdout } = await run("bash", ["-c", script], {
      cwd: ROOT,
      env: { ...SHELL, ...settings },
    });
    expect(stdout).toContain('"phase":"MIGRATIONS_APPLIED","phaseState":"SUCCEEDED"');
    expect(stdout).toContain("event: complete");
    expect(stdout).toContain("✔ PROVISION of 'acme' is done");
    expect(stdout).toContain("Acme Labs  ACTIVE");
    expect(stdout).toContain("✔ 'globex' can be provisioned");
    token = /^TOKEN=(.+)$/m.exec(stdout)?.[1] ?? "";
    operation = /^OPERATION=(.+)$/m.exec(stdout)?.[1] ?? "";
  });

  test("from a frontend: the program follows the operation to its end", async () => {
    const program = await mkdtemp(join(tmpdir(), "tenantry-readme-"));
    try {
      const [code = ""] = blocksOf(firstTenant, "ts");
      await symlink(join(ROOT, "node_modules"), join(program, "node_modules"));
      await writeFile(join(program, "package.json"), '{ "type": "module" }');
      await writeFile(join(program, "follow.ts"), `${APPLICATION}${here(code)}`);
      const { stdout, stderr } = await run(
        process.execPath,
        [join(program, "follow.ts"), operation],
        { env: { ...SHELL, TENANTRY_TOKEN: token } },
      );
      expect(stderr).toBe("");
      const lines = stdout.trim().split("\n");
      expect(lines.at(-1)).toBe("complete");
      expect(lines.at(-2)).toContain('"operationState":"SUCCEEDED"');
    } finally {
      await rm(program, { recursive: true, force: true });
    }
  });

  test("from a dashboard: the queries are answered", async () => {
    const [document] = blocksOf(firstTenant, "graphql");
    const answer = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: document, operationName: "Overview" }),
    });
    expect(await answer.json()).toMatchObject({
      data: { tenants: { nodes: [{ slug: "acme", status: "ACTIVE" }] }, workers: { alive: 1 } },
    });
  });
});
