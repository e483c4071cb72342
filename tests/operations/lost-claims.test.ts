import { expect, test, vi } from "vitest";
import type { EntityManager } from "../../src/database/orm.ts";
import { newId } from "../../src/kernel/ids.ts";
import { startPlatformWorker } from "../../src/worker.ts";
import { openLossyWay } from "../kit/lossy-way.ts";
import { openPlatform } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";

/** What a claim of the engine's queue says at the wire. */
const CLAIM = "owner_xid = $8";

test("a claim whose COMMIT was not answered is found and run by the worker that has it", async () => {
  await using world = await openPlatform();
  await using way = await openLossyWay(world.platform.databaseUrl);
  const { platform } = world;
  const em = platform.orm.em.fork();
  const worker = await startPlatformWorker({ ...platform, databaseUrl: way.url });
  try {
    const isDone = async (id: string) => {
      const rows = await em.execute<{ status: string }[]>(
        "select status from dbos.workflow_status where workflow_uuid like ?",
        [`${id}%`],
      );
      return rows.length > 0 && rows.every(({ status }) => status === "SUCCESS");
    };
    // The worker's own first delivery of mail is out of the way then.
    await vi.waitUntil(() => isDone("mail-"), { timeout: 30_000 });

    way.loseCommitAfter(CLAIM);
    const { operation } = await provision(platform, { seeds: [] });
    expect(way.lost).toBe(1);
    expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });

    const mail = `mail-${newId()}`;
    const timer = `${operation.id}-timer-`;
    for (const [id, enqueue] of [
      [timer, (tx: EntityManager) => platform.queue.enqueueTimer(tx, operation.id, 0)],
      [mail, (tx: EntityManager) => platform.queue.enqueueMail(tx, mail)],
    ] as const) {
      const lost = way.lost;
      way.loseCommitAfter(CLAIM);
      await em.transactional((tx) => enqueue(tx as EntityManager));
      await vi.waitUntil(async () => way.lost > lost && (await isDone(id)), { timeout: 30_000 });
    }
  } finally {
    await worker.stop(2_000);
  }
});
