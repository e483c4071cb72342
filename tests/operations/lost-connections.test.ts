import { expect, test, vi } from "vitest";
import { openOrm } from "../../src/database/orm.ts";
import { PLATFORM_ENTITIES } from "../../src/entities.ts";
import { startPlatformWorker } from "../../src/worker.ts";
import { type CutWay, openCutWay } from "../kit/cut-way.ts";
import { freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { arrange, begin } from "../kit/scenarios.ts";
import { followToEnd } from "../kit/tenants.ts";

/** A platform whose worker reaches the platform database on a way that loses connections. */
const world = perFile(async () => {
  const opened = await openPlatform();
  const { platform } = opened;
  const way: CutWay = await openCutWay(platform.databaseUrl);
  const orm = await openOrm({ url: way.url, entities: PLATFORM_ENTITIES });
  const worker = await startPlatformWorker({ ...platform, workerOrm: orm });
  return {
    ...{ platform, way },
    [Symbol.asyncDispose]: async () => {
      await worker.stop(2_000);
      await orm.close();
      await way[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
    },
  };
});
const sql = async <Row extends object>(text: string, values: unknown[]) =>
  await world.platform.orm.em.fork().execute<Row[]>(text, values);

test("an operation is begun again whose worker loses a connection before it has begun", async () => {
  world.way.cutAt("sameAlive", "ANSWER_LOST");
  const { id } = await begin(world.platform, "provisionTenant", freshSlug("lost"));
  const { operation } = await followToEnd(world.platform, id);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
});

test("what a timer did is not done again where its worker died before the engine heard of it", async () => {
  const slug = freshSlug("timer");
  await arrange(world.platform, "restoreTenant", slug);
  await sql("update platform.tenant set purge_after = now() where slug = ?", [slug]);
  const timers = async () =>
    await sql<{ id: string; status: string }>(
      `select workflow_uuid as id, w.status from dbos.workflow_status w
       join platform.operation o on starts_with(workflow_uuid, o.id::text || '-timer-')
       where o.subject_name = ? order by w.created_at`,
      [slug],
    );
  const [first] = await timers();
  const setBack =
    "update dbos.workflow_status set delay_until_epoch_ms = 0 where workflow_uuid = ?";
  await sql(setBack, [first?.id]);
  const statuses = async () => (await timers()).map(({ status }) => status);
  const done = ["SUCCESS", "DELAYED"];
  await vi.waitFor(async () => expect(await statuses()).toEqual(done), 60_000);
  // As it stands between the transaction's end and the engine's own note of it.
  await sql("delete from dbos.operation_outputs where workflow_uuid = ?", [first?.id]);
  await sql(
    `insert into dbos.transaction_completion (workflow_id, function_num, output) values (?, 0, '{"json":{}}')`,
    [first?.id],
  );
  await sql(
    "update dbos.workflow_status set status = 'PENDING', executor_id = 'dead' where workflow_uuid = ?",
    [first?.id],
  );
  await vi.waitFor(async () => expect((await statuses())[0]).toBe("SUCCESS"), 60_000);
  expect(await statuses()).toEqual(done);
});
