import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { freshSlug } from "../kit/database.ts";
import { openPlatform, type TestPlatform } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";
import { worldOf } from "../kit/world.ts";
import { wrapOperations } from "../kit/wrap.ts";

let world: TestPlatform;
/** The phase that fails, as chosen by the test that runs. */
let failing: string | null = null;

beforeAll(async () => {
  world = await openPlatform();
  const afterDeed = async (phase: string) => {
    if (failing === phase) throw new Error("planned failure");
  };
  await world.startWorker(
    wrapOperations(world.platform.definitions.values(), { afterDeed, times: 2 }),
  );
});
afterAll(async () => await world[Symbol.asyncDispose]());

describe("provisioning", () => {
  const phases = [
    "PLACEMENT_RESOLVED",
    "STATE_CHECKED",
    "SECRET_SET",
    "DATABASE_CREATED",
    "MIGRATIONS_APPLIED",
    "SEEDS_APPLIED",
    "VERIFIED",
    "MASTER_REGISTERED",
    "ADMIN_SEEDED",
    "COMPLETE",
  ];

  test("has the phases that are tested here", () => {
    expect(world.platform.operations.provisionTenant.phases.map((phase) => phase.name)).toEqual(
      phases,
    );
  });

  test.each(phases)(
    "leaves no trace when %s fails, and succeeds when it is retried",
    async (phase) => {
      const slug = freshSlug("unwind");
      const before = await worldOf(world.platform, slug);
      failing = phase;
      const { operation, events } = await provision(world.platform, { slug });
      expect(operation.state).toBe("FAILED");
      expect(operation.error).toMatchObject({ code: "E_INTERNAL", phase });
      expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index + 1));
      expect(await worldOf(world.platform, slug)).toEqual(before);
      const tenant = await tenantBySlug(world.platform.orm.em.fork(), slug);
      expect(tenant).toMatchObject({
        status: "FAILED",
        failureCode: "E_INTERNAL",
        dbServerId: null,
      });

      failing = null;
      const again = await provision(world.platform, { slug });
      expect(again.operation).toMatchObject({
        state: "SUCCEEDED",
        retryOf: operation.id,
        subjectId: tenant.id,
      });
    },
  );
});
