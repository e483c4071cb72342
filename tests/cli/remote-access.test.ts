import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { createServiceToken } from "../../src/iam/tokens/service-tokens.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { OPERATOR } from "../kit/tenants.ts";
import { type Environment, linesOf, type Ran, tenantry } from "./_run.ts";

const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));
let token: Environment;
let tokenId: string;

/** Nothing of the service is at hand where a command runs with a token. */
async function tokenFor(role: string) {
  const { orm, clock } = world.platform;
  const request = { name: `cli ${role}`, role };
  const { value, serviceToken } = await createServiceToken(
    { em: orm.em, clock },
    OPERATOR,
    request,
  );
  const environment = {
    DATA_DIR: world.dataDir,
    DATABASE_URL: "postgres://nobody@127.0.0.1:1/none",
    TENANTRY_URL: api.url,
    TENANTRY_TOKEN: value,
  };
  return { environment, id: serviceToken.id };
}

beforeAll(async () => {
  ({ environment: token, id: tokenId } = await tokenFor("ADMINISTRATOR"));
});

const remote = (...words: string[]) => tenantry(words, token);
const local = (...words: string[]) => tenantry(words, world.environment);

/** What a command wrote, without what differs from run to run. */
const plain = ({ end, stdout, stderr }: Ran) => ({
  end,
  stderr,
  stdout: stdout
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{3}Z)?)?/g, "<moment>")
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<id>")
    .replaceAll(/tnt_\w+/g, "<token>")
    .replaceAll(/(password\W+)\w{20}\b/gi, "$1<password>")
    .replaceAll(/"createdBy":\{.*?\}/g, "<maker>")
    .replaceAll(/\b(bo|cy|di|ed)@/g, "<who>@"),
});

const CHANGES = (email: string) => [
  ["user", "create", "--email", email, "--name", "Bo", "--role", "provisioner"],
  ["user", "set-role", "--email", email, "--role", "support"],
  ["user", "disable", "--email", email, "--revoke-tokens"],
  ["user", "enable", "--email", email],
  ["user", "reset-password", "--email", email],
  ["user", "sign-out", "--email", email],
  ["token", "create", "--name", "ci", "--role", "readonly", "--expires-in-days", "7"],
];

test.each([
  ["for people", "bo@people.test", "cy@people.test", []],
  ["for scripts", "di@people.test", "ed@people.test", ["--json"]],
])("changes users and makes tokens as at the machine, told %s", async (_, there, here, format) => {
  const changes = CHANGES(there).map((words, at) => [words, CHANGES(here)[at] ?? []] as const);
  for (const [words, same] of changes) {
    const [ran, expected] = await Promise.all([
      remote(...words, ...format),
      local(...same, ...format),
    ]);
    expect({ words, ...ran }).toMatchObject({ end: 0, stderr: "" });
    expect({ words, ...plain(ran) }).toEqual({ words, ...plain(expected) });
  }
});

test("names a user by the id, and revokes a token", async () => {
  const [user] = linesOf(await remote("user", "list", "--json"));
  const out = await remote("user", "disable", "--id", String(user?.id));
  expect(out).toMatchObject({ end: 0, stdout: expect.stringContaining("is disabled") });
  const create = ["token", "create", "--name", "gone", "--role", "readonly"];
  const [made] = linesOf(await remote(...create, "--expires-in-days", "7", "--json"));
  const revoked = await remote("token", "revoke", String(made?.id));
  expect(revoked.stdout).toBe("✔ Service token 'gone' lets nobody in any more\n");
  const again = ["token", "revoke", String(made?.id), "--json"];
  const [there, here] = await Promise.all([remote(...again), local(...again)]);
  expect(linesOf(there)).toEqual(linesOf(here));
  expect(linesOf(there)).toMatchObject([
    { state: "REVOKED", createdBy: { kind: "SERVICE_TOKEN", id: tokenId } },
  ]);
});

test("rotates the signing key, as the service's own", async () => {
  const [begun] = linesOf(await remote("signing-key", "rotate", "--json"));
  expect(begun).toMatchObject({ type: "RESULT", begun: true, state: "PUBLISHED" });
  const [there, here] = await Promise.all([
    remote("signing-key", "rotate"),
    local("signing-key", "rotate"),
  ]);
  expect(there).toEqual(here);
  expect(there.stdout).toContain(`Key ${begun?.id} was published earlier`);
  expect((await remote("signing-key", "rotate", "--now", "--reason", "x")).end).toBe(2);
  const dropped = ["signing-key", "rotate", "--now", "--yes", "--reason", "found in a backup"];
  expect(await remote(...dropped)).toMatchObject({ end: 0, stderr: "" });
});

test.each([
  ["user", "list"],
  ["user", "list", "--json"],
  ["user", "list", "--disabled", "--role", "support", "--text", "O@PEOPLE"],
  ["user", "list", "--limit", "1"],
  ["signing-key", "list"],
  ["signing-key", "list", "--json"],
  ["audit", "list"],
  ["audit", "list", "--json", "--limit", "1000"],
  ["audit", "list", "--type", "platform-user-disabled,SIGNING_KEY_ROTATED", "--since", "1h"],
  ["audit", "list", "--actor-kind", "service-token", "--until", "2001-01-01"],
])("%s %s %s %s answers as at the machine", async (...words) => {
  const [there, here] = await Promise.all([remote(...words), local(...words)]);
  expect(there).toEqual(here);
  expect(there.end).toBe(0);
});

test.each([[[]], [["--all"]], [["--all", "--json"]]])(
  "lists tokens as at the machine (%j)",
  async (more) => {
    const [there, here] = await Promise.all([
      remote("token", "list", ...more),
      local("token", "list", ...more),
    ]);
    expect(plain(there)).toEqual(plain(here));
    expect(there.stdout).toContain("cli ADMINISTRATOR");
  },
);

test("acts as the token", async () => {
  const words = ["audit", "list", "--actor", tokenId, "--json"];
  const types = linesOf(await remote(...words)).map(({ type }) => type);
  expect(types).toEqual(
    expect.arrayContaining([
      "PLATFORM_USER_CREATED",
      "SERVICE_TOKEN_CREATED",
      "SIGNING_KEY_ROTATED",
    ]),
  );
});

describe("refuses in the words of the machine", () => {
  const nobody = ["--email", "nobody@people.test"];
  test.each([
    [1, ["user", "set-role", ...nobody, "--role", "support"], "E_PLATFORM_USER_NOT_FOUND"],
    [1, ["user", "disable", "--id", "nobody"], "E_PLATFORM_USER_NOT_FOUND"],
    [1, ["user", "create", "--email", "x", "--name", " ", "--role", "support"], "--email: must be"],
    [
      1,
      ["token", "create", "--name", "x", "--role", "readonly", "--expires-in-days", "900"],
      "366",
    ],
    [1, ["token", "revoke", "nothing"], "E_SERVICE_TOKEN_NOT_FOUND"],
    [1, ["signing-key", "rotate", "--now", "--yes"], "--reason: is needed"],
    [2, ["user", "enable"], "--email or --id"],
    [2, ["token", "create", "--name", "x", "--role", "root"], "--role must be one of"],
    [2, ["audit", "list", "--type", "SOMETHING"], "--type must be one of"],
    [2, ["audit", "list", "--since", "0000-01-01"], "--since must be a time"],
  ])("exit code %i: %j", async (end, words, text) => {
    const [there, here] = await Promise.all([remote(...words), local(...words)]);
    expect(there).toEqual(here);
    expect(there).toMatchObject({ end, stderr: expect.stringContaining(text) });
  });

  test("what the token's role does not allow", async () => {
    const { environment } = await tokenFor("PROVISIONER");
    for (const words of [
      ["user", "list"],
      ["user", "disable", ...nobody],
      ["token", "list"],
      ["token", "create", "--name", "x", "--role", "readonly"],
      ["signing-key", "list"],
      ["signing-key", "rotate"],
      ["audit", "list"],
    ]) {
      const ran = await tenantry(words, environment);
      expect(ran).toMatchObject({ end: 1, stderr: expect.stringContaining("E_FORBIDDEN") });
    }
  });

  test("what the machine alone can do, with exit code 2", async () => {
    for (const words of [
      ["audit", "export"],
      ["audit", "verify"],
      ["seed", "platform-superuser", ...nobody],
    ]) {
      const ran = await remote(...words);
      expect(ran).toMatchObject({
        end: 2,
        stderr: expect.stringContaining("unset TENANTRY_TOKEN"),
      });
    }
  });
});

test("verifies an exported file without a platform, whatever token there is", async () => {
  const file = join(world.dataDir, "trail.jsonl");
  await local("audit", "export", "--out", file);
  const ran = await remote("audit", "verify", "--file", file);
  expect(ran).toMatchObject({ end: 0, stdout: expect.stringContaining("is whole") });
});
