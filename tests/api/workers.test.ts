import { expect, test } from "vitest";
import { createServiceToken } from "../../src/iam/tokens/service-tokens.ts";
import { tenantry } from "../cli/_run.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { OPERATOR } from "../kit/tenants.ts";
import { act, register } from "./_tenant-operations.ts";

const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));

test("where no worker is alive the API says so, and since when, and so does the command over it", async () => {
  const { platform } = world;
  const reader = await api.as("READONLY");
  const workers = async () => (await reader.ask("{ workers { alive lastSeenAt } }")).workers;
  expect(await workers()).toEqual({ alive: 0, lastSeenAt: null });
  const worker = await world.startWorker();
  expect(await workers()).toEqual({ alive: 1, lastSeenAt: expect.any(String) });
  await worker.stop();
  const { alive, lastSeenAt } = await workers();
  expect(alive).toBe(0);
  expect(Math.abs(Date.now() - Date.parse(lastSeenAt))).toBeLessThan(60_000);

  const slug = await register(world, "ACTIVE");
  const { value } = await createServiceToken(
    { em: platform.orm.em, clock: platform.clock },
    OPERATOR,
    { name: "cli", role: "ADMINISTRATOR" },
  );
  const remote = { DATA_DIR: world.dataDir, TENANTRY_URL: api.url, TENANTRY_TOKEN: value };
  const left = await tenantry(["tenant", "suspend", "--slug", slug, "--no-wait"], remote);
  expect(left.stderr).toContain(`No worker is alive (since ${lastSeenAt}): the operation waits`);
  const refused = await act(await api.as("ADMINISTRATOR"), "suspendTenant", { slug });
  expect(refused).toMatchObject({
    code: "E_OPERATION_IN_PROGRESS",
    message: `Operation SUSPEND of '${slug}' has not ended, and no worker is alive (since ${lastSeenAt}): it goes on when one starts (tenantry worker, npm start)`,
  });
});
