import { expect, test, vi } from "vitest";
import { openOrm } from "../../src/database/orm.ts";
import { PLATFORM_ENTITIES } from "../../src/entities.ts";
import { startPlatformWorker } from "../../src/worker.ts";
import { openCutWay } from "../kit/cut-way.ts";
import { freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { begin } from "../kit/scenarios.ts";
import { followToEnd } from "../kit/tenants.ts";
import { Life } from "./_life.ts";

/** A platform whose worker reaches the platform database on a way that loses connections. */
const world = perFile(async () => {
  const opened = await openPlatform();
  const { platform } = opened;
  const way = await openCutWay(platform.databaseUrl);
  const orm = openOrm({ url: way.url, entities: PLATFORM_ENTITIES });
  const worker = await startPlatformWorker({ ...platform, workerOrm: orm });
  return {
    platform,
    way,
    [Symbol.asyncDispose]: async () => {
      await worker.stop(2_000);
      await orm.close();
      await way[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
    },
  };
});
const life = new Life(world);
const sql = async <Row extends object>(text: string, values: unknown[]) =>
  await world.platform.orm.em.fork().execute<Row[]>(text, values);

test("an operation is begun again whose worker loses a connection before it has begun", async () => {
  world.way.cutAt("sameAlive", "ANSWER_LOST");
  const { id } = await begin(world.platform, "provisionTenant", freshSlug("lost"));
  const { operation } = await followToEnd(world.platform, id);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
});

test("what a timer did is not done again where its worker died before the engine heard of it", async () => {
  const slug = await life.provisioned();
  const { id } = await life.run("offboardTenant", { slug, reason: "contract ended" });
  await life.follow(slug, "PURGE", () => life.endWindow(slug, id));
  const [timer] = await sql<{ id: string }>(
    "select workflow_uuid as id from dbos.workflow_status where workflow_uuid like ? order by 1 limit 1",
    [`${id}-timer-%`],
  );
  const isDone = async () =>
    (
      await sql("select from dbos.workflow_status where workflow_uuid = ? and status = 'SUCCESS'", [
        timer?.id,
      ])
    ).length === 1;
  await vi.waitUntil(isDone, 60_000);
  // As it stands between the transaction's end and the engine's own note of it.
  await sql("delete from dbos.operation_outputs where workflow_uuid = ?", [timer?.id]);
  await sql(
    `insert into dbos.transaction_completion (workflow_id, function_num, output) values (?, 0, '{"json":{}}')`,
    [timer?.id],
  );
  await sql(
    "update dbos.workflow_status set status = 'PENDING', executor_id = 'dead' where workflow_uuid = ?",
    [timer?.id],
  );
  await vi.waitUntil(isDone, 60_000);
  expect(await life.timers(id)).toHaveLength(1);
});
