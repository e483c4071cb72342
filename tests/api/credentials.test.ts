import { expect, test } from "vitest";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd } from "../kit/tenants.ts";
import { Life } from "../operations/_life.ts";
import { act } from "./_tenant-operations.ts";

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));
const life = new Life(world);

const TENANT = `query ($slug: String!) {
  tenant(by: { slug: $slug }) { appRole secretName credentialsRotatedAt oldLoginOpenUntil }
}`;
const OPERATION = `query ($id: ID!) {
  operation(id: $id) {
    kind state
    result {
      __typename
      ... on CredentialRotationResult { from to secretVersion oldLoginOpenUntil }
      ... on CredentialRetirementResult { closedRole sessionsEnded }
    }
  }
}`;
const ROTATE_ALL = `mutation ($input: RotateAllTenantCredentialsInput!) {
  rotateAllTenantCredentials(input: $input) {
    __typename
    ... on RotateAllTenantCredentialsPayload {
      results { slug operation { id kind } error { code message retryable nextAction } }
    }
    ... on UserError { code message }
  }
}`;

test("credentials are rotated and retired, shown on the tenant, and rotated for all", async () => {
  const [administrator, support] = [await api.as("ADMINISTRATOR"), await api.as("SUPPORT")];
  const slug = await life.provisioned();
  const ended = async (id: string) => {
    await followToEnd(world.platform, id);
    return (await administrator.ask(OPERATION, { id })).operation;
  };
  expect((await administrator.ask(TENANT, { slug })).tenant).toMatchObject({
    credentialsRotatedAt: null,
    oldLoginOpenUntil: null,
  });
  const started = await act(administrator, "rotateTenantCredentials", {
    slug,
    gracePeriodSeconds: 600,
    reason: "every quarter",
  });
  const rotation = await ended(started.operation.id);
  const { tenant } = await support.ask(TENANT, { slug });
  expect(rotation).toEqual({
    kind: "ROTATE_CREDENTIALS",
    state: "SUCCEEDED",
    result: {
      __typename: "CredentialRotationResult",
      from: tenant.appRole.replace(/_b$/, ""),
      to: tenant.appRole,
      secretVersion: (await world.platform.secrets.get(`tenant-db-${slug}`))?.version,
      oldLoginOpenUntil: tenant.oldLoginOpenUntil,
    },
  });
  expect(tenant).toMatchObject({ secretName: null, credentialsRotatedAt: expect.any(String) });
  const window = Date.parse(tenant.oldLoginOpenUntil) - Date.parse(tenant.credentialsRotatedAt);
  expect(Math.abs(window - 600_000)).toBeLessThan(10_000);

  const again = await act(administrator, "rotateTenantCredentials", { slug });
  expect(again).toMatchObject({ __typename: "RefusedError", code: "E_GRACE_RUNNING" });
  expect(again.message).toContain(tenant.oldLoginOpenUntil);
  const other = await life.provisioned();
  const input = { gracePeriodSeconds: 60, idempotencyKey: "every-one" };
  const { rotateAllTenantCredentials: all } = await administrator.ask(ROTATE_ALL, { input });
  const by = Object.fromEntries(all.results.map((each: { slug: string }) => [each.slug, each]));
  expect(by[slug]).toMatchObject({ operation: null, error: { code: "E_GRACE_RUNNING" } });
  expect(by[other]).toMatchObject({ operation: { kind: "ROTATE_CREDENTIALS" }, error: null });
  expect(await ended(by[other].operation.id)).toMatchObject({ state: "SUCCEEDED" });
  const replay = (await administrator.ask(ROTATE_ALL, { input })).rotateAllTenantCredentials;
  expect(replay.results).toContainEqual(by[other]);

  const closing = await act(administrator, "retireTenantCredentials", { slug });
  expect(await ended(closing.operation.id)).toMatchObject({
    state: "SUCCEEDED",
    result: { closedRole: rotation.result.from, sessionsEnded: 0 },
  });
  expect((await administrator.ask(TENANT, { slug })).tenant.oldLoginOpenUntil).toBeNull();
  expect(await life.login(slug)).toBe(true);
});
