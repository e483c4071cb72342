import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openTestApi } from "../kit/api.ts";
import { openFolder } from "../kit/folders.ts";
import { perTest } from "../kit/lifetime.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";

const migrations = perTest(() => openFolder(SMALL.TENANT_MIGRATIONS_DIR));
const world = perTest(() =>
  openPlatform({ environment: { TENANT_MIGRATIONS_DIR: migrations.path } }),
);
const api = perTest(() => openTestApi(world));

const CHECK = `{ migrationCheck {
  dir format home isolation isolationBecause { file line statement why }
  migrations { migration file transactional apartBecause } leftOut { file why }
  passedOver { file line statement why } extensions { name wantedBy }
  refusals { file line statement why instead } } }`;

test("an administrator sees how the service's folder is read", async () => {
  await writeFile(
    join(migrations.path, "0004_more.sql"),
    "alter table unit owner to postgres;\ncreate extension citext;\ncreate index concurrently u on unit (id);",
  );
  await writeFile(join(migrations.path, "notes.txt"), "not for the database");
  const { migrationCheck } = await (await api.as("ADMINISTRATOR")).ask(CHECK);
  expect(migrationCheck).toMatchObject({
    dir: migrations.path,
    format: "PLAIN",
    home: "public",
    isolation: "SCHEMA",
    isolationBecause: null,
    refusals: [],
    leftOut: [{ file: "notes.txt", why: "not SQL" }],
    passedOver: [
      { file: "0004_more.sql", line: 1, statement: "alter table unit owner to postgres" },
    ],
    extensions: [{ name: "citext", wantedBy: "0004_more.sql line 2" }],
  });
  expect(migrationCheck.migrations.slice(-2)).toMatchObject([
    {
      migration: "0003_samples",
      file: "0003_samples.sql",
      transactional: true,
      apartBecause: null,
    },
    { transactional: false, apartBecause: expect.stringContaining("line 3: CONCURRENTLY") },
  ]);
});

test("what is refused is part of the answer, with what to write instead; passwords are not", async () => {
  await writeFile(
    join(migrations.path, "0004_more.sql"),
    "create role me password 'it''s me';\ncopy unit from stdin;\ncreate schema own;\ncreate table nowhere.t ();\ncreate table public.here ();",
  );
  const { migrationCheck } = await (await api.as("ADMINISTRATOR")).ask(CHECK);
  expect(migrationCheck).toMatchObject({
    isolation: "DATABASE",
    isolationBecause: { file: "0004_more.sql", line: 3 },
    refusals: [
      { line: 2, statement: "copy unit from stdin", instead: expect.stringContaining("INSERT") },
      { line: 4, why: expect.stringContaining('"nowhere"') },
    ],
  });
  expect(JSON.stringify(migrationCheck)).not.toContain("s me");
  await writeFile(join(migrations.path, "0004_twin.sql"), "select 1;");
  const broken = await (await api.as("ADMINISTRATOR")).ask(CHECK);
  expect(broken.migrationCheck).toMatchObject({
    format: null,
    home: null,
    isolation: null,
    migrations: [],
    refusals: [
      { file: null, line: null, statement: null, why: expect.stringContaining("0004_twin") },
    ],
  });
});

test.each(["PROVISIONER", "SUPPORT", "BILLING", "READONLY"] as const)(
  "is not for %s",
  async (role) => {
    const answer = await (await api.as(role)).send(CHECK);
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: "E_FORBIDDEN" });
  },
);
