import pg from "pg";
import { expect, inject, test } from "vitest";
import { runSteps } from "../../src/tenant-schemas/multi-query.ts";

const timers = () => process.getActiveResourcesInfo().filter((each) => each === "Timeout").length;

test.each(["select 1", "select 1 / 0"])(
  "leaves no timer behind that would keep its text and the process: %s",
  async (sql) => {
    const connectionString = inject("postgresUrl");
    const client = new pg.Client({ connectionString, query_timeout: 900_000 });
    await client.connect();
    const before = timers();
    await runSteps(client, [{ sql }]).catch(() => undefined);
    await client.end();
    expect(timers()).toBeLessThanOrEqual(before);
  },
);
