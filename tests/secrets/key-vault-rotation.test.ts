import { afterEach, beforeEach, expect, test } from "vitest";
import type { OperationEvent } from "../../src/operations/engine/operation.entity.ts";
import { startKeyVault } from "../kit/key-vault.ts";
import { perFile } from "../kit/lifetime.ts";
import { planFailure } from "../kit/plan-failure.ts";
import { openPlatform } from "../kit/platform.ts";
import { connectOnce, storm } from "../kit/storm.ts";
import { followToEnd } from "../kit/tenants.ts";
import { Life } from "../operations/_life.ts";

const vault = perFile(startKeyVault);
const failure = planFailure({ times: 2 });
const world = perFile(() =>
  openPlatform({
    replace: { secrets: vault.open({ patience: { checkMs: 500 } }) },
    worker: failure,
  }),
);
const life = new Life(world);
beforeEach(() => vault.mend());
afterEach(() => expect(vault.exposed).toEqual([]));

const nameOf = (slug: string) => `tenant-db-${slug}`;
const notes = (events: readonly OperationEvent[]) =>
  events.flatMap(({ body }) => (body.type === "PHASE_STATE" && body.note ? [body.note] : []));

async function rotate(slug: string) {
  const { id } = await life.start("rotateCredentials", { slug, endGrace: true });
  return await followToEnd(world.platform, id);
}

test("rotating stores one version, waits while the vault throttles or is not well, and shows that", async () => {
  const slug = await life.provisioned();
  const clients = storm(world.platform.secrets, nameOf(slug), 2);
  const on = `PUT /secrets/${nameOf(slug)}`;
  vault.fail({ on, times: 4, status: 429, headers: { "retry-after": "0" } });
  vault.fail({ on, times: 4, status: 503 });
  const { operation, events } = await rotate(slug);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
  expect(notes(events)).toContain("trying again after: Key Vault is throttling (429)");
  expect(notes(events)).toContain("trying again after: Key Vault is not well (503)");
  expect(vault.secrets.valuesOf(nameOf(slug))).toHaveLength(2);
  const secret = await world.platform.secrets.get(nameOf(slug));
  expect(operation.result?.secretVersion).toBe(secret?.version);
  await clients.reaches(clients.attempts + 10);
  await clients.stop();
  expect(clients.refused).toEqual([]);
});

test("rotating fails at once without the right to set, names it, and changes nothing", async () => {
  const slug = await life.provisioned();
  const before = await world.platform.secrets.get(nameOf(slug));
  vault.fail({ on: `PUT /secrets/${nameOf(slug)}`, status: 403, reason: "ForbiddenByRbac" });
  const { operation, events } = await rotate(slug);
  expect(operation).toMatchObject({
    state: "FAILED",
    error: { code: "E_SECRET_STORE", phase: "SECRET_STORED", retryable: false },
  });
  expect(operation.error?.message).toContain("secrets/set");
  expect(operation.error?.message).not.toContain("could not be undone");
  expect(notes(events).join()).not.toContain("trying again");
  expect((await world.platform.secrets.get(nameOf(slug)))?.version).toBe(before?.version);
  expect(await life.login(slug)).toBe(true);
});

test("a rotation that fails later stores the earlier value as a new version", async () => {
  const slug = await life.provisioned();
  const before = await life.tenant(slug);
  failure.at = "VERIFIED";
  const { operation } = await rotate(slug);
  expect(operation.state).toBe("FAILED");
  const [first, second, third, ...more] = vault.secrets.valuesOf(nameOf(slug));
  expect(more).toEqual([]);
  expect(second).not.toBe(first);
  expect(third).toBe(first);
  expect(await connectOnce(world.platform.secrets, nameOf(slug))).toBe(before.appRole);
});
