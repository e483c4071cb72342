import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DBOS } from "@dbos-inc/dbos-sdk";
import { describe, expect, test } from "vitest";
import type { EntityManager } from "../../src/database/orm.ts";
import { migrateCheckpoints } from "../../src/operations/engine/data-source.ts";
import {
  assertKnownDbos,
  assertKnownLaunch,
  RELIED_ON,
  SDK,
} from "../../src/operations/engine/dbos-internals.ts";
import {
  assertKnownTable,
  KNOWN_VERSION,
  RELIED_ON_TABLES,
} from "../../src/operations/engine/dbos-tables.ts";
import { expectEngineTables, migrateEngine } from "../../src/operations/engine/engine-tables.ts";
import { openPlatform } from "../kit/platform.ts";

const ROOT = join(import.meta.dirname, "../..");
const textOf = (path: string) => readFile(join(ROOT, path), "utf8");
const ENGINE = "src/operations/engine";

/** The engine's modules with one thing replaced. */
function withOther(path: string, value: unknown): object {
  const replace = (part: object, [name = "", ...rest]: string[]): object =>
    Object.create(part, {
      [name]: { value: rest.length === 0 ? value : replace(Reflect.get(part, name), rest) },
    });
  return replace(SDK, path.split("."));
}

describe("the durable engine", () => {
  test("is pinned to the version that was compared", async () => {
    const { dependencies } = JSON.parse(await textOf("package.json"));
    expect(dependencies["@dbos-inc/dbos-sdk"]).toBe(KNOWN_VERSION);
    expect(() => assertKnownDbos()).not.toThrow();
  });

  test.each(Object.keys(RELIED_ON))("without %s is refused", (path) => {
    expect(() => assertKnownDbos(withOther(path, undefined))).toThrow(
      `The durable engine is expected as DBOS ${KNOWN_VERSION} has it, but in DBOS 5.3.0 ${path} is undefined, not ${RELIED_ON[path]}: `,
    );
  });

  test("that answers otherwise is refused", () => {
    const deaf = withOther("system.retriablePostgresException", () => false);
    expect(() => assertKnownDbos(deaf)).toThrow(
      'does not know "Connection terminated unexpectedly"',
    );
    const other = withOther("datasource.replayRecordedStep", () => "other");
    expect(() => assertKnownDbos(other)).toThrow('reads {"json":{"ok":1}} as "other"');
    const longer = withOther("migrations.allMigrations", () => []);
    expect(() => assertKnownDbos(longer)).toThrow("makes tables of version 0, not ");
    const unknown = withOther("utils", { dbRetryConfig: {} });
    expect(() => assertKnownDbos(unknown)).toThrow("in DBOS of an unknown version utils.");
  });

  test("is checked for each thing of it that is used", async () => {
    const text = await textOf(`${ENGINE}/dbos-internals.ts`);
    const [, taken = ""] = /export const \{([^}]*)\} = datasource;/.exec(text) ?? [];
    const used = [
      ...[...taken.matchAll(/\w+/g)].map(([name]) => `datasource.${name}`),
      ...[...text.matchAll(/(?<!")\b(?:context|migrations|system|utils)\.[\w.]+/g)].map(
        ([path]) => path,
      ),
      ...[...text.matchAll(/globalInstance\?\.(\w+)\(/g)].map(
        ([, name]) => `executor.DBOSExecutor.prototype.${name}`,
      ),
      ...[...text.matchAll(/(?:systemDatabase|engine)\.(\w+)(?:\(| = )/g)].map(
        ([, name]) => `system.SystemDatabase.prototype.${name}`,
      ),
      ...[...text.matchAll(/wfQueueRunner\["(\w+)"\]/g)].map(
        ([, name]) => `wfqueue.wfQueueRunner.${name}`,
      ),
    ];
    // The class itself is asked for in the launched engine.
    const checked = [...Object.keys(RELIED_ON), "system.SystemDatabase"];
    expect(new Set(used)).toEqual(new Set(checked));
  });
});

test("the launched engine is refused without its database or its polls", async () => {
  expect(() => assertKnownLaunch()).toThrow("globalInstance.systemDatabase is no SystemDatabase");
  await using _ = await openPlatform({ worker: true });
  expect(DBOS.isInitialized()).toBe(true);
  expect(() => assertKnownLaunch()).not.toThrow();
  const states = new Map([["queue", { nextPollAtMs: 1 }]]);
  const renamed = withOther("wfqueue.wfQueueRunner.states", states);
  expect(() => assertKnownLaunch(renamed)).toThrow("states has no number nextPollAt");
});

describe("the durable engine's tables", () => {
  const tables = Object.entries(RELIED_ON_TABLES) as [keyof typeof RELIED_ON_TABLES, string[]][];
  const expected = `The durable engine's tables are expected as DBOS ${KNOWN_VERSION} makes them`;

  test.each(tables)(
    "are refused without one of %s's columns, or without it",
    async (table, all) => {
      const answering = (columns: string[]) => async () => columns.map((column) => ({ column }));
      for (const column of all) {
        const others = answering(all.filter((each) => each !== column));
        const refusal = `${expected}, but dbos.${table} lacks ${column}: `;
        await expect(assertKnownTable(others, table)).rejects.toThrow(refusal);
      }
      const missing = `${expected}, but dbos.${table} is missing: `;
      await expect(assertKnownTable(answering([]), table)).rejects.toThrow(missing);
    },
  );

  test("are looked at before a service, a command or a worker does anything", async () => {
    await using world = await openPlatform();
    const { platform } = world;
    const sql = (text: string) => platform.orm.em.execute(text);
    await migrateCheckpoints(platform.orm);
    await sql("alter table dbos.transaction_completion rename column output to other");
    await expect(world.startWorker()).rejects.toThrow("dbos.transaction_completion lacks output: ");
    await sql("alter table dbos.workflow_status rename column started_at_epoch_ms to other");
    const refusal = "dbos.workflow_status lacks started_at_epoch_ms: ";
    await expect(migrateEngine(platform.databaseUrl)).rejects.toThrow(refusal);
    await expect(expectEngineTables(platform.orm.em.fork() as EntityManager)).rejects.toThrow(
      refusal,
    );
  });
});
