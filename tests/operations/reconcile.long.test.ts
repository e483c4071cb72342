import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import type { Operation } from "../../src/operations/engine/operation.entity.ts";
import { reconcile } from "../../src/operations/health/reconcile.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { DbServerEntity } from "../../src/placement/db-server.entity.ts";
import type { Platform } from "../../src/platform.ts";
import { namesOf } from "../../src/tenants/names.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { parseSlug } from "../../src/tenants/slug.ts";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { perTest } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { NAME_RULES } from "../kit/tenant-schemas.ts";
import { followToEnd, OPERATOR, provision, provisionRequest } from "../kit/tenants.ts";

const world = perTest(openPlatform);

const em = () => world.platform.orm.em.fork();
const again = () => reconcile(world.platform, world.platform.log);
const briefly = ({ repaired, reported }: Awaited<ReturnType<typeof again>>) => ({
  repaired: repaired.map(({ slug, code, repair }) => `${slug} ${code} ${repair}`),
  reported: reported.map(({ slug, code }) => `${slug} ${code}`),
});

const migrateTo = async (platform: Platform, slug: string, to: string): Promise<Operation> => {
  const options = { dryRun: false, idempotencyKey: null };
  const { migrateTenant } = platform.operations;
  return (await startOnTenant(platform, OPERATOR, migrateTenant, { slug, to }, options)).operation;
};

/** Starts provisioning where no worker is. */
async function started(): Promise<Operation> {
  const options = { dryRun: false, idempotencyKey: null };
  return (
    await startOnTenant(
      world.platform,
      OPERATOR,
      world.platform.operations.provisionTenant,
      provisionRequest(),
      options,
    )
  ).operation;
}

const engineStatus = async (id: string) =>
  (
    await em().execute<{ status: string }[]>(
      "select status from dbos.workflow_status where workflow_uuid = ?",
      [id],
    )
  )[0]?.status;

const engine = (sql: string, id: string) => em().execute(sql, [id]);

describe("reconciling", () => {
  test("makes a missing schema again and seeds it, one operation after the other", async () => {
    const slug = freshSlug("lost");
    await world.startWorker();
    await provision(world.platform, { slug });
    const { schemaName } = await tenantBySlug(em(), slug);
    await asSuperuser(`${world.platform.databaseUrl}_tenants`, (client) =>
      client.query(`drop schema ${schemaName} cascade`),
    );
    expect(briefly(await again())).toEqual({
      repaired: [`${slug} SCHEMA_MISSING MIGRATE`, `${slug} SEEDS_MISSING SEED`],
      reported: [],
    });
    expect(await tenantHealth(world.platform, { slug })).toMatchObject([{ healthy: true }]);
    expect(briefly(await again())).toEqual({ repaired: [], reported: [] });
    const by = await em().execute<{ by: string }[]>(
      "select distinct actor_kind as by from platform.operation where kind <> 'PROVISION'",
    );
    expect(by).toEqual([{ by: "SYSTEM" }]);
  });

  test("happens behind the start of a worker", async () => {
    const { id, subjectId } = await started();
    await engine("delete from dbos.workflow_status where workflow_uuid = ?", id);
    await world.startWorker();
    const { operation } = await followToEnd(world.platform, id);
    expect(operation).toMatchObject({ state: "SUCCEEDED", subjectId });
  });

  test.each(["ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"])(
    "ends an operation that the engine ended as %s, and leaves a tenant to retry",
    async (status) => {
      const { id, subjectName } = await started();
      await engine(
        `update dbos.workflow_status set status = '${status}' where workflow_uuid = ?`,
        id,
      );
      expect(briefly(await again())).toEqual({
        repaired: [`${subjectName} OPERATION_LOST SETTLE`],
        reported: [],
      });
      const { operation, events } = await followToEnd(world.platform, id);
      expect(operation).toMatchObject({ state: "FAILED", error: { code: "E_OPERATION_LOST" } });
      expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index + 1));
      expect(await tenantBySlug(em(), subjectName)).toMatchObject({ status: "FAILED" });
      await world.startWorker();
      const retried = await provision(world.platform, { slug: subjectName });
      expect(retried.operation).toMatchObject({ state: "SUCCEEDED", retryOf: id });
    },
  );

  test("puts an operation that nobody runs back on the queue, and says where a worker is missing", async () => {
    const { id, subjectName } = await started();
    const [health] = await tenantHealth(world.platform, { slug: subjectName });
    expect(health?.findings).toMatchObject([
      {
        code: "OPERATION_UNOWNED",
        repair: "RESUME",
        message: expect.stringContaining("start one with `tenantry worker`"),
      },
    ]);
    await engine(
      `update dbos.workflow_status set status = 'PENDING', executor_id = 'gone', owner_xid = 'gone'
       where workflow_uuid = ?`,
      id,
    );
    expect(briefly(await again())).toEqual({
      repaired: [`${subjectName} OPERATION_UNOWNED RESUME`],
      reported: [],
    });
    expect(await engineStatus(id)).toBe("ENQUEUED");
  });

  test("puts an operation back on the queue that a worker has claimed and not begun", async () => {
    const { id, subjectName } = await started();
    await em().execute(
      "insert into platform.worker (executor_id, host, pid) values ('alive', 'here', 1)",
    );
    const claimed = (secondsAgo: number) =>
      engine(
        `update dbos.workflow_status set status = 'PENDING', executor_id = 'alive',
           started_at_epoch_ms = (extract(epoch from now()) - ${secondsAgo}) * 1000
         where workflow_uuid = ?`,
        id,
      );
    await claimed(5);
    expect(briefly(await again())).toEqual({ repaired: [], reported: [] });
    await claimed(60);
    expect(briefly(await again())).toEqual({
      repaired: [`${subjectName} OPERATION_STUCK RESUME`],
      reported: [],
    });
    expect(await engineStatus(id)).toBe("ENQUEUED");
  });

  test("makes no empty schemas where a whole server has lost them", async () => {
    const server = await em().findOneOrFail(DbServerEntity, { name: "default" });
    await world.startWorker();
    const { operation } = await provision(world.platform);
    const known = await tenantBySlug(em(), operation.subjectName);
    const rows = Array.from({ length: 11 }, (_, index) => {
      const slug = parseSlug(freshSlug(`gone${index}`));
      const { schema, ownerRole, appRole, secret } = namesOf(slug, NAME_RULES);
      const names = { schemaName: schema, ownerRole, appRole, secretName: secret };
      return { ...known, id: newId(), slug, ...names, dbServerId: server.id };
    });
    await em().insertMany(TenantEntity, rows);
    const { repaired, reported } = await again();
    expect(repaired).toEqual([]);
    expect(reported.map(({ code }) => code)).toEqual(rows.map(() => "SCHEMA_MISSING"));
    expect(reported[0]?.message).toContain("too many are missing on its server at once");
  });

  test("is done by one process at a time", async () => {
    const url = world.platform.databaseUrl;
    await started();
    await asSuperuser(url, async (client) => {
      await client.query("select pg_advisory_lock(hashtextextended('tenantry:reconcile', 0))");
      expect(await again()).toEqual({ repaired: [], reported: [] });
    });
    expect((await again()).repaired).toHaveLength(1);
  });
});

test("the log tells of each operation's start and end, and of the error", async () => {
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const log = pino({ level: "info" }, stream);
  await using logged = await openPlatform({ replace: { log } });
  const worker = await logged.startWorker();
  const { operation } = await provision(logged.platform);
  const { id: operationId, subjectId, subjectName: subject } = operation;
  const about = { operationId, kind: "PROVISION", subject, subjectId, dryRun: false };
  const { operation: failed } = await followToEnd(
    logged.platform,
    (await migrateTo(logged.platform, subject, "9999_none")).id,
  );
  expect(failed.state).toBe("FAILED");
  // A follower sees the end before the worker has told its log of it.
  await worker.stop();
  const told = lines.filter(({ msg }) => String(msg).startsWith("operation "));
  expect(told).toMatchObject([
    { ...about, msg: "operation began" },
    { ...about, msg: "operation ended", state: "SUCCEEDED" },
    { kind: "MIGRATE", subject, msg: "operation began" },
    { kind: "MIGRATE", subject, state: "FAILED", error: { code: "E_VALIDATION" }, level: 40 },
  ]);
});
