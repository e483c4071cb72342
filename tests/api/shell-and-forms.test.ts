import { describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { openTestApi } from "../kit/api.ts";
import { freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";
import { register } from "./_tenant-operations.ts";

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));

test("a shell learns the version, the workers, the queue and the limits", async () => {
  const SHELL = `{ platform { version startedAt schemaVersion workers { host pid seenAt running }
    queue { pending oldestSeconds } limits { cost depth } } }`;
  const { platform } = await admin.ask(SHELL);
  expect(platform).toMatchObject({
    version: manifest.version,
    schemaVersion: expect.stringMatching(/^Migration\d{4}/),
    workers: [{ pid: process.pid, running: 0 }],
    queue: { pending: 0, oldestSeconds: null },
    limits: { cost: 10_000 },
  });
  const billing = await api.as("BILLING");
  expect((await billing.ask(SHELL)).platform).toMatchObject({ workers: null, queue: null });
});

describe("a form for a new tenant", () => {
  const ask = async (slug: string) =>
    (
      await admin.ask(
        "query ($slug: String!) { slugAvailability(slug: $slug) { slug available code suggestion } }",
        { slug },
      )
    ).slugAvailability;

  test("learns whether a slug is free, why not, and which one is", async () => {
    const slug = await register(world, "ACTIVE", { slug: freshSlug("taken") });
    expect(await ask(slug)).toEqual({
      slug,
      available: false,
      code: "E_ALREADY_PROVISIONED",
      suggestion: `${slug}-2`,
    });
    await register(world, "ACTIVE", { slug: `${slug}-2` });
    expect((await ask(slug)).suggestion).toBe(`${slug}-3`);
    const free = freshSlug("free");
    expect(await ask(free)).toEqual({
      slug: free,
      available: true,
      code: null,
      suggestion: null,
    });
    expect(await ask("Müller & Söhne")).toMatchObject({
      available: false,
      code: "E_INVALID_SLUG",
      suggestion: "muller-sohne",
    });
    expect(await ask("admin")).toMatchObject({ code: "E_RESERVED_SLUG", suggestion: "admin-2" });
    expect(await ask("…")).toMatchObject({ code: "E_INVALID_SLUG", suggestion: null });
    const long = await ask("x".repeat(100));
    expect(long.suggestion).toHaveLength(40);
    expect((await ask(await register(world, "PURGED"))).available).toBe(true);
  });

  test("learns which seed sets and regions there are", async () => {
    const { seedSets, regions } = await admin.ask(
      "{ seedSets { name description dependsOn } regions { name dbServers freeCapacity } }",
    );
    expect(seedSets.map(({ name }: { name: string }) => name)).toEqual(["core", "extra"]);
    expect(seedSets[1].dependsOn).toEqual(["core"]);
    expect(regions).toEqual([{ name: "local", dbServers: 1, freeCapacity: expect.any(Number) }]);
  });
});

describe("a page of one tenant", () => {
  const allowed = async (slug: string, caller = admin) =>
    (
      await caller.ask(
        `query ($slug: String!) { tenant(by: { slug: $slug }) {
          allowedOperations { kind allowed code reason } } }`,
        { slug },
      )
    ).tenant.allowedOperations as { kind: string; allowed: boolean; code: string | null }[];
  const kinds = (all: readonly { kind: string; allowed: boolean }[]) =>
    all.filter((each) => each.allowed).map(({ kind }) => kind);

  test("learns what may be done with it, and why not", async () => {
    const suspended = await register(world, "SUSPENDED");
    expect(kinds(await allowed(suspended)).sort()).toEqual(
      ["ACCEPT_MIGRATION", "MIGRATE", "OFFBOARD", "PURGE", "RESUME"].concat(
        ...[["RETIRE_CREDENTIALS", "ROTATE_CREDENTIALS"]],
      ),
    );
    const locked = await register(world, "SUSPENDED", {
      lockedAt: new Date(),
      lockReason: "legal hold",
    });
    expect(await allowed(locked)).toContainEqual({
      kind: "PURGE",
      allowed: false,
      code: "E_TENANT_LOCKED",
      reason: "Locked against deletion: legal hold",
    });
    const support = await api.as("SUPPORT");
    expect(kinds(await allowed(suspended, support))).toEqual([]);
    expect(await allowed(suspended, support)).toContainEqual({
      kind: "RESUME",
      allowed: false,
      code: "E_FORBIDDEN",
      reason: "Your role does not allow tenant:operate",
    });
  });
});

test("an operation tells how far it is in one figure, and its phases have titles and ids", async () => {
  const { operation } = await provision(world.platform, { slug: freshSlug("bar") });
  const { operation: shown } = await admin.ask(
    "query ($id: ID!) { operation(id: $id) { progress phases { id title name } events(last: 2) { nodes { id cursor sequence } pageInfo { hasNextPage hasPreviousPage startCursor } } } }",
    { id: operation.id },
  );
  expect(shown.progress).toBe(1);
  expect(shown.phases[0]).toEqual({
    id: `${operation.id}:PLACEMENT_RESOLVED`,
    name: "PLACEMENT_RESOLVED",
    title: "Placement resolved",
  });
  const { nodes, pageInfo } = shown.events;
  expect(nodes.map(({ sequence }: { sequence: number }) => sequence)).toEqual([
    operation.lastSequence - 1,
    operation.lastSequence,
  ]);
  expect(pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  const { operation: earlier } = await admin.ask(
    "query ($id: ID!, $before: String) { operation(id: $id) { events(last: 100, before: $before) { nodes { sequence } pageInfo { hasNextPage hasPreviousPage } } } }",
    { id: operation.id, before: pageInfo.startCursor },
  );
  expect(earlier.events.nodes.at(-1).sequence).toBe(operation.lastSequence - 2);
  expect(earlier.events.pageInfo).toEqual({ hasNextPage: true, hasPreviousPage: false });
});
