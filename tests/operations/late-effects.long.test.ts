import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import type { Operation } from "../../src/operations/engine/operation.entity.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { cancelOperation } from "../../src/operations/retry-and-cancel.ts";
import { DbServerEntity } from "../../src/placement/db-server.entity.ts";
import type { Isolation } from "../../src/tenants/names.ts";
import { freshSlug } from "../kit/database.ts";
import { type Held, openHeldWire } from "../kit/held-wire.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { type ActName, arrange, begin } from "../kit/scenarios.ts";
import { followToEnd, OPERATOR, provision } from "../kit/tenants.ts";
import { tenantWorldOf } from "../kit/world.ts";

// A worker is frozen directly before an effect: the statement has left the process, and has not reached the
// server. Another one takes the operation over and ends it, and more happens to the tenant; then the
// statement arrives after all, and the frozen worker wakes.

interface Late {
  readonly effect: string;
  readonly act: ActName;
  readonly isolation?: Isolation;
  /** The statement that it is frozen before. */
  readonly before: (names: { schema: string; id: string }) => string;
  /** Cancels the operation at this statement before. */
  readonly cancelAt?: (names: { schema: string }) => string;
  /** What happens to the tenant behind the operation's end. */
  readonly meanwhile?: ActName;
}

const dropSchema = ({ schema }: { schema: string }) => `drop schema "${schema}"`;
const createSchema = ({ schema }: { schema: string }) => `create schema "${schema}"`;

const CASES: readonly Late[] = [
  { effect: "a purge's drop of the schema", act: "purgeTenant", before: dropSchema },
  { effect: "a cleanup's drop of the schema", act: "cleanupTenant", before: dropSchema },
  {
    effect: "an undo's drop of the schema",
    act: "provisionTenant",
    before: dropSchema,
    cancelAt: createSchema,
    meanwhile: "provisionTenant",
  },
  {
    effect: "a suspension's closing of the login",
    act: "suspendTenant",
    before: ({ schema }) => `alter role "${schema}_app" nologin`,
    meanwhile: "resumeTenant",
  },
  {
    effect: "a resumption's opening of the login",
    act: "resumeTenant",
    before: ({ schema }) => `alter role "${schema}_app" login`,
    meanwhile: "suspendTenant",
  },
  {
    effect: "the creation of a schema",
    act: "provisionTenant",
    before: createSchema,
    meanwhile: "purgeTenant",
  },
  {
    effect: "a purge's drop of the roles",
    act: "purgeTenant",
    before: () => "drop owned by",
  },
  {
    effect: "the creation of a database",
    act: "provisionTenant",
    isolation: "DATABASE",
    before: ({ id }) => `create database "tenantry_new_${id}"`,
    meanwhile: "purgeTenant",
  },
  {
    effect: "a purge's drop of the database",
    act: "purgeTenant",
    isolation: "DATABASE",
    before: ({ schema }) => `drop database if exists "tenant_${schema.slice(4)}"`,
  },
  {
    effect: "the closing of an old login",
    act: "retireCredentials",
    before: ({ schema }) => `alter role "${schema}_app" nologin password null`,
    meanwhile: "rotateCredentials",
  },
];

const world = perFile(openPlatform);
/** The way that all workers take to the db server: the same one, under another name. */
const dbServer = "wired";
const wire = perFile(async () => {
  const em = world.platform.orm.em.fork();
  const { id: _, ...server } = await em.findOneOrFail(DbServerEntity, { name: "default" });
  const opened = await openHeldWire(`postgres://${server.host}:${server.port}`);
  await em.insert(DbServerEntity, { ...server, id: newId(), name: dbServer, port: opened.port });
  return opened;
});

const escaped = (text: string) => new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");

/** Starts the operation of a case, and ends when its worker has sent the statement. */
async function untilHeld(late: Late, slug: string): Promise<{ held: Held; operation: Operation }> {
  const { platform } = world;
  const schema = `org_${slug.replaceAll("-", "_")}`;
  const hold = (before: Late["before"], id = "") => wire.hold(escaped(before({ schema, id })));
  const { cancelAt } = late;
  // A tenant that is about to be made has no id yet; its first statement is some phases away.
  const named = late.act === "provisionTenant" && late.isolation === "DATABASE";
  const first = named ? null : hold(cancelAt ?? late.before);
  const operation = await begin(platform, late.act, slug, late.isolation, dbServer);
  const id = operation.subjectId?.replaceAll("-", "") ?? "";
  const reached = await (first ?? hold(late.before, id));
  if (cancelAt === undefined) return { held: reached, operation };
  await cancelOperation(platform, OPERATOR, operation.id);
  const held = hold(late.before);
  await reached.release();
  return { held: await held, operation };
}

test.each(CASES)(
  "a worker that was frozen before $effect has none when it wakes",
  {
    timeout: 300_000,
  },
  async (late) => {
    const { platform, environment } = world;
    const { act, isolation = "SCHEMA", meanwhile } = late;
    const slug = freshSlug("late");
    const arranging = await world.startWorker();
    await arrange(platform, act, slug, { isolation, dbServer });
    await arranging.stop();

    const script = join(import.meta.dirname, "../kit/doomed-worker.ts");
    const env = { ...environment, LOG_LEVEL: "warn" };
    const child = fork(
      script,
      [JSON.stringify(env), "{}", JSON.stringify({ timeToLiveMs: 2_000 })],
      {
        stdio: ["ignore", "inherit", "pipe", "ipc"],
      },
    );
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child, "message");
    const { held, operation } = await untilHeld(late, slug);
    child.kill("SIGSTOP");

    const other = await world.startWorker();
    onTestFinished(() => other.stop(2_000));
    await followToEnd(platform, operation.id);
    const next = meanwhile ?? "provisionTenant";
    const { state, error } = (
      next === "provisionTenant"
        ? await provision(platform, { slug, isolation, dbServer })
        : await followToEnd(platform, (await begin(platform, next, slug, isolation)).id)
    ).operation;
    expect({ state, error }).toMatchObject({ state: "SUCCEEDED" });
    const before = await tenantWorldOf(platform, slug);

    // The frozen worker tells that it was frozen, that a step failed, or that it was fenced off.
    const gaveUp = new Promise<void>((resolve) => {
      createInterface({ input: child.stderr as NodeJS.ReadableStream }).on("line", (line) => {
        if (line.includes(operation.id) || line.includes("was frozen")) resolve();
      });
    });
    await held.release();
    child.kill("SIGCONT");
    await gaveUp;
    expect(await tenantWorldOf(platform, slug)).toEqual(before);
    // One that was purged bears the slug no more.
    const healths = next === "purgeTenant" ? [] : await tenantHealth(platform, { slug });
    expect(healths.flatMap(({ findings }) => findings)).toEqual([]);
  },
);
