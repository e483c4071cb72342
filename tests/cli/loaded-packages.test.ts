import { join } from "node:path";
import { expect, test } from "vitest";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { COMMAND, type Environment, start } from "./_run.ts";

const world = perFile(() => openPlatform());
const PRELOADED = join(import.meta.dirname, "../kit/loaded-packages.ts");

/** The packages that a command loads before it has told what it was asked for. */
async function loadedBy(words: readonly string[], environment: Environment): Promise<string[]> {
  const { child, ended } = start(["--import", PRELOADED, COMMAND, ...words], environment);
  child.stdin.end();
  return (await ended).stderr.split("\n");
}

const ENGINE = ["@dbos-inc/dbos-sdk", "yaml", "superjson"];
const KEYS = ["jose", "@azure/identity", "@azure/keyvault-secrets"];
const ORM = ["@mikro-orm/core", "@mikro-orm/postgresql", "kysely", "pg"];
const SERVICE = ["graphql-yoga", "ws", "nodemailer"];

test("a command over the API loads neither the ORM nor the schema", async () => {
  const loaded = await loadedBy(["tenant", "list"], {
    TENANTRY_URL: "http://127.0.0.1:1/graphql",
    TENANTRY_TOKEN: "none",
  });
  expect(loaded).toContain("graphql-ws");
  const needless = [...ORM, ...ENGINE, ...KEYS, ...SERVICE, "graphql", "@pothos/core", "pino"];
  expect(loaded.filter((name) => needless.includes(name))).toEqual([]);
});

test("a command that reads in this process loads neither the engine nor the migrator", async () => {
  const loaded = await loadedBy(["tenant", "list"], world.environment);
  expect(loaded).toEqual(expect.arrayContaining(["@pothos/core", "@mikro-orm/core"]));
  const needless = [...ENGINE, ...KEYS, ...SERVICE, "@mikro-orm/migrations", "libpg-query"];
  expect(loaded.filter((name) => needless.includes(name))).toEqual([]);
});

test("a migration folder is checked without a database driver", async () => {
  const loaded = await loadedBy(["migration", "check"], world.environment);
  expect(loaded).toContain("zod");
  const needless = [...ORM, ...ENGINE, ...KEYS, ...SERVICE, "graphql", "@pothos/core"];
  expect(loaded.filter((name) => needless.includes(name))).toEqual([]);
});
