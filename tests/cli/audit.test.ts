import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { linesOf, tenantry } from "./_run.ts";

const world = perFile(openPlatform);
beforeAll(async () => {
  for (let made = 0; made < 3; made += 1) await world.newUser("a long walk by the river");
});

const audit = (...words: string[]) => tenantry(["audit", ...words], world.environment);

test("audit list shows the newest facts first, by its filters", async () => {
  const [table, json, none, wrong] = await Promise.all([
    audit("list", "--type", "platform-user-created", "--limit", "2"),
    audit("list", "--since", "1h", "--actor-kind", "system", "--json"),
    audit("list", "--slug", "nobody"),
    audit("list", "--type", "SOMETHING"),
  ]);
  expect(table.stdout).toMatch(/^SEQUENCE +AT[\s\S]*\n3 +.*PLATFORM_USER_CREATED[\s\S]*\n2 /);
  expect(table.stderr).toContain("There are more than 2");
  expect(linesOf(json).map(({ sequence }) => sequence)).toEqual([3, 2, 1]);
  expect(linesOf(json)[0]).toMatchObject({ type: "PLATFORM_USER_CREATED", actorKind: "SYSTEM" });
  expect(none).toMatchObject({ end: 0, stdout: "", stderr: "No audit events.\n" });
  expect(wrong.end).toBe(2);
});

test.each(["jsonl", "csv"])(
  "audit export as %s writes a file that audit verify finds whole without a database, or broken",
  async (format) => {
    const nowhere = { ...world.environment, DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
    const file = join(world.dataDir, `trail.${format}`);
    const exported = await audit("export", "--format", format, "--out", file);
    expect(exported).toMatchObject({ end: 0, stdout: "" });
    expect(exported.stderr).toContain("Exported 3 events, 1 to 3.");
    expect((await stat(file)).mode & 0o777).toBe(0o600);

    const changed = join(world.dataDir, `changed.${format}`);
    const text = await readFile(file, "utf8");
    await writeFile(changed, text.replace(/READONLY(?=[^\n]*\n$)/, "READ0NLY"));
    const verify = (name: string) =>
      tenantry(["audit", "verify", "--file", name, "--json"], nowhere);
    const [whole, broken, database, again] = await Promise.all([
      verify(file),
      verify(changed),
      audit("verify", "--json"),
      audit("export", "--format", format, "--out", file),
    ]);
    const [verdict] = linesOf(whole);
    expect(verdict).toMatchObject({ whole: true, rows: 3, last: { sequence: 3 } });
    expect(linesOf(database)).toMatchObject([{ whole: true, bad: null, last: verdict?.last }]);
    expect(linesOf(broken)).toMatchObject([{ whole: false, bad: { sequence: 3 } }]);
    expect([whole, broken, database, again].map(({ end }) => end)).toEqual([0, 1, 0, 1]);
    expect(again.stderr).toContain("exists already");
  },
);

test("audit verify asks whether a row still has the hash that was noted", async () => {
  const [{ last }] = linesOf(await audit("verify", "--json")) as [{ last: { hash: string } }];
  const [kept, lost, wrong] = await Promise.all([
    audit("verify", "--noted", `3:${last.hash}`),
    audit("verify", "--noted", `4:${last.hash}`, "--json"),
    audit("verify", "--noted", last.hash),
  ]);
  expect([kept, lost, wrong].map(({ end }) => end)).toEqual([0, 1, 2]);
  expect(linesOf(lost)).toMatchObject([
    { whole: false, bad: { sequence: 4, why: expect.stringContaining("noted") } },
  ]);
});

test("audit export goes to standard output, where an export before ended", async () => {
  const { end, stdout } = await audit("export", "--after", "1");
  expect(end).toBe(0);
  expect(stdout.split("\n").filter(Boolean)).toHaveLength(2);
  expect(JSON.parse(stdout.split("\n")[0] ?? "")).toMatchObject({ sequence: 2 });
});
