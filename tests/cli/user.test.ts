import { rm } from "node:fs/promises";
import { userInfo } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asSuperuser, createDatabase, type TestDatabase } from "../kit/database.ts";
import { testEnvironment } from "../kit/platform.ts";
import {
  COMMAND,
  type Environment,
  linesOf,
  makeDataDir,
  setUpPlatform,
  start,
  tenantry,
} from "./_run.ts";

let database: TestDatabase;
let dataDir: string;
let environment: Environment;

beforeAll(async () => {
  [database, dataDir] = await Promise.all([createDatabase("platform"), makeDataDir()]);
  environment = testEnvironment(database.url, dataDir);
  await setUpPlatform(environment);
});
afterAll(async () => {
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const user = (...words: string[]) => tenantry(["user", ...words], environment);
const ADA = ["--email", "Ada@example.test"];

test("creates, lists, changes and shuts out platform users, as the OS user", async () => {
  const words = ["create", ...ADA, "--name", "Ada Byron", "--role", "provisioner"];
  const given = start(
    [
      ...[COMMAND, "user", "create", "--email", "eve@example.test", "--name", "Eve"],
      ...["--role", "ADMINISTRATOR", "--password-stdin", "--json"],
    ],
    environment,
  );
  given.child.stdin.end("a long enough phrase\n");
  const [created, eve] = await Promise.all([user(...words), given.ended]);
  expect(created).toMatchObject({ end: 0, stderr: "" });
  expect(created.stdout).toMatch(
    /^✔ ada@example\.test, PROVISIONER, was created\n {2}one-time password {2}\w{20}\n {2}It is shown once/,
  );
  expect(linesOf(eve)).toMatchObject([
    { type: "RESULT", role: "ADMINISTRATOR", mustChangePassword: false, oneTimePassword: null },
  ]);

  const runs = await Promise.all([
    user(...words),
    user("set-role", ...ADA, "--role", "king"),
    user("disable", "--email", "nobody@example.test"),
    user("disable", "--email", "eve@example.test", "--json"),
    user("set-role", ...ADA, "--role", "support"),
  ]);
  expect(runs.map(({ end }) => end)).toEqual([1, 2, 1, 1, 0]);
  expect(runs[0].stderr).toContain("E_PLATFORM_USER_EXISTS");
  expect(runs[2].stderr).toContain("E_PLATFORM_USER_NOT_FOUND");
  expect(linesOf(runs[3])).toMatchObject([{ error: { code: "E_LAST_ADMINISTRATOR" } }]);
  expect(runs[4].stdout).toBe("✔ ada@example.test, SUPPORT, has its role\n");

  expect((await user("disable", ...ADA, "--revoke-tokens")).stdout).toContain("is disabled");
  const listed = linesOf(await user("list", "--disabled", "--json"));
  expect(listed).toMatchObject([{ email: "ada@example.test", name: "Ada Byron" }]);
  expect(JSON.stringify(listed)).not.toContain("argon2");
  expect((await user("enable", ...ADA)).stdout).toContain("is enabled");
  const [reset] = linesOf(await user("reset-password", ...ADA, "--json"));
  expect(reset).toMatchObject({ disabledAt: null, oneTimePassword: expect.any(String) });
  const [out, table] = await Promise.all([user("sign-out", ...ADA), user("list")]);
  expect(out.stdout).toContain("is signed out everywhere");
  expect(table.stdout).toMatch(/^EMAIL /);
  expect(table.stdout).toMatch(/^ada@\S+ +SUPPORT +one-time password .* Ada Byron$/m);
  expect(table.stdout).toMatch(/^eve@\S+ +ADMINISTRATOR +enabled /m);

  const { rows } = await asSuperuser(database.url, (client) =>
    client.query("select type, actor_kind, actor_name from platform.audit_event order by sequence"),
  );
  expect(rows.map(({ type }) => type)).toEqual([
    ...["PLATFORM_USER_CREATED", "PLATFORM_USER_CREATED", "PLATFORM_USER_ROLE_SET"],
    ...["PLATFORM_USER_DISABLED", "PLATFORM_USER_ENABLED", "PLATFORM_USER_PASSWORD_RESET"],
    "PLATFORM_USER_SIGNED_OUT",
  ]);
  expect(rows[0]).toMatchObject({ actor_kind: "OS_USER", actor_name: userInfo().username });
});

test("makes one user and one password for an idempotency key", async () => {
  const bo = ["--email", "bo@example.test"];
  const keyed = (...words: string[]) =>
    user(...words, "--idempotency-key", words[0] ?? "", "--json");
  for (const words of [
    ["create", ...bo, "--name", "Bo", "--role", "readonly"],
    ["reset-password", ...bo],
  ]) {
    const [first] = linesOf(await keyed(...words));
    const [second] = linesOf(await keyed(...words));
    expect(first).toMatchObject({
      oneTimePassword: expect.stringMatching(/^\w{20}$/),
      replayed: false,
    });
    expect(second).toMatchObject({ id: first?.id, oneTimePassword: first?.oneTimePassword });
    expect(second).toMatchObject({ replayed: true });
  }
});
