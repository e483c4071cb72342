import { afterAll, beforeAll, expect, test } from "vitest";
import { OperationPhaseEntity } from "../../src/operations/engine/operation.entity.ts";
import type { AnyOperation, Phase } from "../../src/operations/engine/phase.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { freshSlug } from "../kit/database.ts";
import { openPlatform, type TestPlatform } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";
import { wrapOperations } from "../kit/wrap.ts";

let world: TestPlatform;
/** Whether verifying fails, and the undo of the schema too. */
let failing = true;

// biome-ignore lint/suspicious/noExplicitAny: a phase of any operation
type AnyPhase = Phase<any, any>;

/** The same operation, with an undo of DATABASE_CREATED that fails where the test says so. */
const stubborn = (definition: AnyOperation): AnyOperation => ({
  ...definition,
  phases: definition.phases.map((phase: AnyPhase) => {
    if (phase.where !== "outside" || phase.name !== "DATABASE_CREATED") return phase;
    const { undo } = phase;
    if (typeof undo !== "function") return phase;
    return {
      ...phase,
      undo: async (run: Parameters<typeof undo>[0]) => {
        if (failing) throw new Error("planned failure of the undo");
        await undo(run);
      },
    };
  }),
});

beforeAll(async () => {
  world = await openPlatform();
  const afterDeed = async (phase: string) => {
    if (failing && phase === "VERIFIED") throw new Error("planned failure");
  };
  await world.startWorker(
    wrapOperations([...world.platform.definitions.values()].map(stubborn), { afterDeed }),
  );
});
afterAll(async () => await world[Symbol.asyncDispose]());

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
