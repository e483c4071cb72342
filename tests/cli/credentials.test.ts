import { expect, test } from "vitest";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { Life } from "../operations/_life.ts";
import { linesOf, resultOf, tenantry } from "./_run.ts";

const world = perFile(() => openPlatform({ worker: true }));
const life = new Life(world);

const run = (...words: string[]) => tenantry(["tenant", ...words], world.environment);

test("credentials are rotated, of one tenant or of all, and the old login is closed at once or later", async () => {
  const slug = await life.provisioned();
  const rotated = await run("rotate-credentials", "--slug", slug, "--grace-period", "0");
  const json = await run("rotate-credentials", "--slug", slug, "--grace-period", "0", "--json");
  expect(rotated).toMatchObject({ end: 0, stderr: "" });
  expect(rotated.stdout).toMatch(
    /new login +org_\w+_app_b\n +secret version +\w+\n +old login +org_/,
  );
  expect(rotated.stdout).toMatch(/Closing the old login of .+[\s\S]*closed +org_\w+_app\n/);
  expect(json).toMatchObject({ end: 0, stderr: "" });
  expect(resultOf(json)).toMatchObject({
    operation: { kind: "ROTATE_CREDENTIALS", state: "SUCCEEDED" },
    followedBy: { kind: "RETIRE_CREDENTIALS", state: "SUCCEEDED" },
  });
  const all = await run("rotate-credentials", "--all", "--yes", "--json");
  expect(all.end).toBe(0);
  expect(resultOf(all)).toEqual({ type: "RESULT", started: 1, succeeded: 1, refused: 0 });
  expect(linesOf(all).at(-2)).toMatchObject({
    type: "OPERATION",
    operation: { kind: "ROTATE_CREDENTIALS", state: "SUCCEEDED", slug },
  });
  const [again, refused, shown, usage] = await Promise.all([
    run("rotate-credentials", "--all", "--yes"),
    run("rotate-credentials", "--all", "--yes", "--json"),
    run("show", "--slug", slug),
    run("rotate-credentials", "--all", "--slug", slug),
  ]);
  expect(again.end).toBe(1);
  expect(again.stderr).toContain("E_GRACE_RUNNING");
  expect(refused.end).toBe(1);
  expect(resultOf(refused)).toEqual({ type: "RESULT", started: 0, succeeded: 0, refused: 1 });
  expect(linesOf(refused)[0]).toMatchObject({ type: "ERROR", slug });
  expect(shown.stdout).toMatch(/old login +org_\w+_app, open until 20/);
  expect(usage).toMatchObject({ end: 2, stdout: "" });
  expect(usage.stderr).toContain("needs either --slug or --all");
  const retired = await run("retire-credentials", "--slug", slug);
  expect(retired).toMatchObject({ end: 0, stderr: "" });
  expect(await life.login(slug)).toBe(true);
  const begun = await run("rotate-credentials", "--all", "--yes", "--no-wait");
  expect(begun).toMatchObject({ end: 0, stderr: "" });
  expect(begun.stdout).toMatch(
    new RegExp(`^ROTATE_CREDENTIALS of ${slug} {2}\\(operation [\\w-]+\\)\n$`),
  );
});
