import { rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../kit/database.ts";
import { testEnvironment } from "../kit/platform.ts";
import { type Environment, linesOf, makeDataDir, setUpPlatform, tenantry } from "./_run.ts";

let database: TestDatabase;
let dataDir: string;
let environment: Environment;

beforeAll(async () => {
  database = await createDatabase("platform");
  dataDir = await makeDataDir();
  environment = testEnvironment(database.url, dataDir);
  await setUpPlatform(environment);
});
afterAll(async () => {
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

test("makes, lists and revokes service tokens", async () => {
  const create = ["token", "create", "--name", "ci", "--role"];
  const [made, json, wrong] = await Promise.all([
    tenantry([...create, "provisioner"], environment),
    tenantry([...create, "readonly", "--expires-in-days", "7", "--json"], environment),
    tenantry([...create, "root"], environment),
  ]);
  expect([made.end, json.end, wrong.end]).toEqual([0, 0, 2]);
  const [value = "none"] = /tnt_[0-9A-Za-z]{49}/.exec(made.stdout) ?? [];
  const [second] = linesOf(json);
  expect(second).toMatchObject({ name: "ci", role: "READONLY", state: "ACTIVE" });
  expect(second).not.toHaveProperty("tokenHash");

  const id = String(second?.id);
  const revoked = await tenantry(["token", "revoke", id], environment);
  expect(revoked.stdout).toContain("Service token 'ci' lets nobody in any more");
  const all = await tenantry(["token", "list", "--all"], environment);
  expect(all.stdout).toMatch(new RegExp(`${id} +ci +READONLY +REVOKED`));
  expect(all.stdout).toContain(value.slice(0, 10));
  expect(all.stdout).not.toContain(value);
});

test("shows a service token again to whoever repeats its idempotency key", async () => {
  const create = ["token", "create", "--name", "once", "--role", "readonly"];
  const run = (...more: string[]) =>
    tenantry([...create, "--idempotency-key", "lost answer", ...more], environment);
  const [first] = linesOf(await run("--json"));
  const [second] = linesOf(await run("--json"));
  expect(first).toMatchObject({ name: "once", replayed: false });
  expect(second).toEqual({ ...first, replayed: true });
  const told = await run();
  expect(told.stdout).toContain("with the same idempotency key as before");
  expect(told.stdout).toContain(String(first?.value));
  expect((await run("--expires-in-days", "7")).stderr).toContain("E_IDEMPOTENCY_KEY_REUSED");
});

test("rotates the signing key, and drops those before it when told to", async () => {
  const rotate = ["signing-key", "rotate"];
  const [planned] = linesOf(await tenantry([...rotate, "--json"], environment));
  expect(planned).toMatchObject({ type: "RESULT", begun: true, state: "PUBLISHED" });
  const [again, unasked] = await Promise.all([
    tenantry(rotate, environment),
    tenantry([...rotate, "--now", "--reason", "taken"], environment),
  ]);
  expect(again.stdout).toContain(`Key ${planned?.id} was published earlier`);
  expect(unasked.end).toBe(2);
  const now = await tenantry([...rotate, "--now", "--yes", "--reason", "taken"], environment);
  expect(now).toMatchObject({ end: 0, stderr: "" });
  const listed = await tenantry(["signing-key", "list", "--json"], environment);
  expect(linesOf(listed).map(({ state }) => state)).toEqual(["SIGNING", "RETIRED", "RETIRED"]);
});
