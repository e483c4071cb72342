import { expect, test } from "vitest";
import { OperationPhaseEntity } from "../../src/operations/engine/operation.entity.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";

/** Whether verifying fails, and the undo of the schema too. */
let failing = true;

const world = perFile(() =>
  openPlatform({
    worker: {
      afterDeed: async (phase) => {
        if (failing && phase === "VERIFIED") throw new Error("planned failure");
      },
      beforeUndo: async (phase) => {
        if (failing && phase === "DATABASE_CREATED") throw new Error("planned failure of the undo");
      },
    },
  }),
);

test("an undo that fails is seen, keeps the tenant's place, and is taken up by the retry", async () => {
  const slug = freshSlug("stuck");
  const { operation } = await provision(world.platform, { slug });
  expect(operation.state).toBe("FAILED");
  expect(operation.error?.message).toContain("could not be undone: DATABASE_CREATED");
  const em = world.platform.orm.em.fork();
  const phases = await em.find(OperationPhaseEntity, {
    operationId: operation.id,
    state: "UNDO_FAILED",
  });
  expect(phases.map(({ name }) => name)).toEqual(["DATABASE_CREATED"]);
  const left = await tenantBySlug(em, slug);
  expect(left.status).toBe("FAILED");
  expect(left.dbServerId).not.toBeNull();

  failing = false;
  const again = await provision(world.platform, { slug });
  expect(again.operation).toMatchObject({ state: "SUCCEEDED", retryOf: operation.id });
  expect(await tenantBySlug(world.platform.orm.em.fork(), slug)).toMatchObject({
    status: "ACTIVE",
    dbServerId: left.dbServerId,
  });
});
