import { expect, test } from "vitest";
import { OperationPhaseEntity } from "../../src/operations/engine/operation.entity.ts";
import { acceptLoss } from "../../src/operations/health/history/accept-loss.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { OPERATOR, provision } from "../kit/tenants.ts";

/** Whether verifying fails, and the undo of the schema too. */
let failing = true;

/** Tenants during whose provisioning the platform database turns out to have lost something. */
const losing = new Set<string>();
const lose = () =>
  world.platform.orm.em
    .fork()
    .execute("insert into platform.lost_history (place, era) values ('a test', 0)");

const world = perFile(() =>
  openPlatform({
    worker: {
      afterEffect: async (phase, { subjectName }) => {
        if (failing && phase === "VERIFIED") throw new Error("planned failure");
        if (phase === "VERIFIED" && losing.delete(subjectName)) {
          await lose();
          throw new Error("planned failure");
        }
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

test("an undo that is older than a loss of the platform drops nothing until that is accepted", async () => {
  const slug = freshSlug("lost");
  losing.add(slug);
  const { operation } = await provision(world.platform, { slug });
  expect(operation.state).toBe("FAILED");
  expect(operation.error?.message).toContain("could not be undone: DATABASE_CREATED");
  const { id: operationId } = operation;
  const em = world.platform.orm.em.fork();
  const left = await em.find(OperationPhaseEntity, { operationId, state: "UNDO_FAILED" });
  expect(left.map(({ name }) => name)).toEqual(["SECRET_SET", "DATABASE_CREATED"]);
  for (const { note } of left) expect(note).toContain("has lost");
  const { schemaName } = await tenantBySlug(em, slug);
  const tables = await asSuperuser(`${world.platform.databaseUrl}_tenants`, (client) =>
    client.query("select from pg_tables where schemaname = $1", [schemaName]),
  );
  expect(tables.rowCount).toBeGreaterThan(0);

  expect(await acceptLoss(world.platform, OPERATOR, "a test")).not.toBeNull();
  const again = await provision(world.platform, { slug });
  expect(again.operation).toMatchObject({ state: "SUCCEEDED", retryOf: operationId });
});
