import { expect, test, vi } from "vitest";
import { z } from "zod";
import { OperationEntity } from "../../src/operations/engine/operation.entity.ts";
import type { AnyOperation } from "../../src/operations/engine/phase.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { retryOperation } from "../../src/operations/retry-and-cancel.ts";
import { freshSlug } from "../kit/database.ts";
import { perTest } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { arrange, begin, CATALOG } from "../kit/scenarios.ts";
import { followToEnd, OPERATOR } from "../kit/tenants.ts";

const world = perTest(openPlatform);
const em = () => world.platform.orm.em.fork();

const findingsOf = async (slug: string) =>
  (await tenantHealth(world.platform, { slug }))[0]?.findings;

/** The input of suspending as a later version has it, with a field that this one does not know. */
const laterVersion = (): AnyOperation => {
  const known = world.platform.definitions.get("SUSPEND") as AnyOperation;
  const input = (known.input as z.ZodObject).extend({ keepReaders: z.boolean() });
  return { ...known, input };
};

async function suspendWithMore(slug: string): Promise<string> {
  const before = await world.startWorker();
  await arrange(world.platform, "suspendTenant", slug);
  await before.stop();
  const { id } = await begin(world.platform, "suspendTenant", slug);
  await em().execute(
    `update platform.operation set input = input || '{"keepReaders": true}' where id = ?`,
    [id],
  );
  return id;
}

test("a worker leaves an operation alone whose input it cannot read, and the doctor names it", {
  timeout: 120_000,
}, async () => {
  const slug = freshSlug("unread");
  const id = await suspendWithMore(slug);
  const { lastSequence } = await em().findOneOrFail(OperationEntity, { id });
  const older = await world.startWorker();
  await expect
    .poll(() => findingsOf(slug), { timeout: 30_000 })
    .toMatchObject([{ code: "OPERATION_UNKNOWN", repair: null }]);
  expect(await em().findOneOrFail(OperationEntity, { id })).toMatchObject({
    state: "PENDING",
    lastSequence,
  });
  // It waits behind what can be run, and is not given up.
  await vi.waitUntil(
    async () => {
      const [row] = await em().execute<{ priority: number }[]>(
        "select priority from dbos.workflow_status where workflow_uuid = ?",
        [id],
      );
      return row?.priority === 2;
    },
    { timeout: 30_000, interval: 100 },
  );
  await older.stop();
  await world.startWorker(undefined, { instead: laterVersion() });
  const { operation } = await followToEnd(world.platform, id);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
  expect(await findingsOf(slug)).toEqual([]);
});

test("an operation whose input cannot be read is not retried, in a sentence", {
  timeout: 120_000,
}, async () => {
  const slug = freshSlug("unread");
  const id = await suspendWithMore(slug);
  await em().nativeUpdate(OperationEntity, { id }, { state: "FAILED", finishedAt: new Date() });
  await expect(retryOperation(world.platform, OPERATOR, id)).rejects.toMatchObject({
    code: "E_NOT_RETRYABLE",
    message: expect.stringContaining("This version cannot read"),
  });
  await em().nativeUpdate(OperationEntity, { id }, { kind: "LATER" });
  await expect(retryOperation(world.platform, OPERATOR, id)).rejects.toMatchObject({
    code: "E_NOT_RETRYABLE",
    message: "This version knows no operation LATER",
  });
});

/** The objects within a schema, it too. */
function objectsIn(schema: z.ZodType): z.ZodObject[] {
  const { def } = schema as unknown as { def: { innerType?: z.ZodType; element?: z.ZodType } };
  const within = [def.innerType, def.element]
    .filter((each) => each !== undefined)
    .flatMap(objectsIn);
  if (!(schema instanceof z.ZodObject)) return within;
  return [schema, ...Object.values(schema.shape).flatMap((field) => objectsIn(field as z.ZodType))];
}

test("no input takes a key that it does not know, as if it were not there", () => {
  for (const [name, { input }] of Object.entries(CATALOG)) {
    for (const object of objectsIn(input))
      expect(object.def.catchall?._zod.def.type, name).toBe("never");
  }
});
