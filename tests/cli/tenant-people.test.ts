import { expect, test } from "vitest";
import { freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";
import { linesOf, tenantry } from "./_run.ts";

const world = perFile(() => openPlatform({ worker: true }));

const run = (...words: string[]) => tenantry(words, world.environment);

test("a tenant's people and contract are looked after by command", async () => {
  const slug = freshSlug("people");
  await provision(world.platform, { slug });
  const person = `bo-${slug}@acme.test`;
  const at = ["--slug", slug];
  expect(await run("tenant", "invitation", "send", ...at, "--email", person)).toMatchObject({
    end: 0,
    stderr: "",
    stdout: expect.stringContaining(`✔ ${person} is invited`),
  });
  const unclear = await run("tenant", "invitation", "resend", ...at);
  expect(unclear).toMatchObject({ end: 2, stderr: expect.stringContaining("--email") });
  const soon = await run("tenant", "invitation", "resend", ...at, "--email", person);
  expect(soon).toMatchObject({ end: 1, stderr: expect.stringContaining("try again in") });
  expect((await run("tenant", "invitation", "revoke", ...at, "--email", person)).end).toBe(0);
  const listed = linesOf(await run("tenant", "invitation", "list", ...at, "--json"));
  expect(listed).toMatchObject([
    { email: person, state: "REVOKED", role: "ADMIN" },
    { email: `${slug}@acme.test`, state: "PENDING", role: "OWNER", timesSent: 1 },
  ]);
  const members = await run("tenant", "member", "list", ...at);
  expect(members.stdout).toMatch(new RegExp(`^EMAIL[\\s\\S]*\\n${slug}@acme.test +OWNER .* never`));
  const removed = await run("tenant", "member", "remove", ...at, "--email", `${slug}@acme.test`);
  expect(removed.end).toBe(0);
  const changed = await run(
    ...["tenant", "update", ...at, "--tier", "premium", "--support-email", "help@acme.test"],
    "--json",
  );
  const lines = linesOf(changed);
  expect(lines[0]).toMatchObject({ type: "STARTED", operation: { kind: "SET_LIMITS" } });
  expect(lines.at(-1)).toMatchObject({
    type: "RESULT",
    slug,
    tier: "PREMIUM",
    supportEmail: "help@acme.test",
    limits: { connectionLimit: 30, own: [] },
    operation: { state: "SUCCEEDED", result: { connectionLimit: 30 } },
  });
  const cleared = await run("tenant", "update", ...at, "--support-email", "", "--json");
  expect(linesOf(cleared)).toMatchObject([
    { tier: "PREMIUM", supportEmail: null, operation: null },
  ]);
  expect((await run("tenant", "update", ...at)).end).toBe(2);
});
