import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OperationEvent } from "../../src/operations/engine/operation.entity.ts";
import { findTenant } from "../../src/tenants/registry.ts";
import { freshSlug } from "../kit/database.ts";
import { startKeyVault } from "../kit/key-vault.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";
import type { Around } from "../kit/wrap.ts";

/** The slug whose provisioning fails after its secret is set. */
let doomed: string | null = null;

const vault = perFile(startKeyVault);
const world = perFile(() =>
  openPlatform({
    environment: { SECRET_NAME_TEMPLATE: "Crm-{slug}-db" },
    replace: { secrets: vault.open({ patience: { checkMs: 500 } }) },
    worker: { afterEffect, times: 2 },
  }),
);
const platform = perFile(() => world.platform);
const afterEffect: Around["afterEffect"] = async (phase, { subjectName }) => {
  if (phase === "DATABASE_CREATED" && subjectName === doomed) throw new Error("planned failure");
};
beforeEach(() => vault.mend());
afterEach(() => expect(vault.exposed).toEqual([]));

const nameOf = (slug: string) => `crm-${slug}-db`;
const notes = (events: readonly OperationEvent[]) =>
  events.flatMap(({ body }) => (body.type === "PHASE_STATE" && body.note ? [body.note] : []));

describe("provisioning with its secrets in Key Vault", () => {
  test("keeps the platform's own secrets there too", async () => {
    const [{ count } = {}] = await platform.orm.em
      .fork()
      .execute<{ count: string }[]>("select count(*) from platform.secret_version");
    expect(count).toBe("0");
    expect(vault.secrets.liveNames()).toContain("db-server-default");
  });

  test("stores a URL that opens the tenant's schema, tagged with whose it is", async () => {
    const slug = freshSlug();
    const { operation, events } = await provision(platform, { slug });
    expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
    const tenant = await findTenant(platform.orm.em.fork(), { slug });
    const secret = await platform.secrets.get(nameOf(slug));
    expect(tenant?.secretName).toBe(nameOf(slug));
    expect(secret?.tags).toEqual({ tenantId: tenant?.id, slug });
    const value = secret?.value ?? "";
    const client = new pg.Client({ connectionString: value });
    await client.connect();
    const { rows } = await client.query("select current_user as app");
    await client.end();
    expect(rows).toEqual([{ app: tenant?.appRole }]);
    expect(JSON.stringify([operation, events])).not.toContain(new URL(value).password);
  });

  test("waits while the vault throttles, and shows that it does", async () => {
    const slug = freshSlug();
    const headers = { "retry-after": "0" };
    vault.fail({ on: `PUT /secrets/${nameOf(slug)}`, times: 6, status: 429, headers });
    const { operation, events } = await provision(platform, { slug });
    expect(operation.state).toBe("SUCCEEDED");
    expect(notes(events)).toContain("trying again after: Key Vault is throttling (429)");
    expect(vault.secrets.valuesOf(nameOf(slug))).toHaveLength(1);
  });

  test("fails at once, names the right that is missing, and leaves nothing", async () => {
    const slug = freshSlug();
    vault.fail({ on: `PUT /secrets/${nameOf(slug)}`, status: 403, reason: "ForbiddenByRbac" });
    const { operation, events } = await provision(platform, { slug });
    expect(operation).toMatchObject({
      state: "FAILED",
      error: { code: "E_SECRET_STORE", phase: "SECRET_SET", retryable: false },
    });
    expect(operation.error?.message).toContain("secrets/set");
    expect(notes(events).join()).not.toContain("trying again");
    expect(vault.secrets.stateOf(nameOf(slug))).toBeNull();
  });

  test("touches no secret of another application, be it deleted and recoverable", async () => {
    for (const deleted of [false, true]) {
      const slug = freshSlug();
      const name = nameOf(slug);
      await platform.secrets.set(name, "precious", { app: "billing" });
      if (deleted) vault.secrets.answer("DELETE", `/secrets/${name}`, "");
      doomed = slug;
      const { operation } = await provision(platform, { slug });
      doomed = null;
      expect(operation).toMatchObject({
        state: "FAILED",
        error: { code: "E_PARTIAL_STATE", phase: "STATE_CHECKED" },
      });
      expect(operation.error?.message).toContain("was not made for this tenant");
      expect(vault.secrets.valuesOf(name)).toEqual(["precious"]);
      vault.secrets.answer("GET", `/deletedsecrets/${name}`, "");
      expect(vault.secrets.stateOf(name)).toBe(deleted ? "DELETED" : "LIVE");
    }
  });

  test("neither takes up nor purges one that somebody deletes between its look and its write", async () => {
    const { secrets } = platform;
    await secrets.set("taken", "precious", { tenantId: "another" });
    vault.secrets.answer("DELETE", "/secrets/taken", "");
    await expect(secrets.set("taken", "mine", { tenantId: "this" })).rejects.toMatchObject({
      code: "E_PARTIAL_STATE",
      message: expect.stringContaining("deleted and recoverable"),
    });
    await secrets.purge("taken");
    expect(vault.secrets.stateOf("taken")).toBe("DELETED");
    expect(vault.secrets.valuesOf("taken")).toEqual(["precious"]);
  });

  test("takes up the tenant's own secret that was deleted by hand", async () => {
    await platform.secrets.set("own", "old", { tenantId: "t", slug: "s" });
    vault.secrets.answer("DELETE", "/secrets/own", "");
    await platform.secrets.set("own", "new", { tenantId: "t", slug: "s" });
    expect(vault.secrets.valuesOf("own")).toEqual(["old", "new"]);
  });

  test.each([
    [false, "GONE"],
    [true, "DELETED"],
  ])(
    "undoes the secret of a failed provisioning, purge protection %s",
    async (purgeProtection, left) => {
      vault.secrets.purgeProtection = purgeProtection;
      const slug = freshSlug();
      const name = nameOf(slug);
      doomed = slug;
      expect((await provision(platform, { slug })).operation.state).toBe("FAILED");
      doomed = null;
      expect(await platform.secrets.get(name)).toBeNull();
      expect(vault.secrets.stateOf(name) ?? "GONE").toBe(left);
      expect((await provision(platform, { slug })).operation.state).toBe("SUCCEEDED");
    },
  );

  test("refuses to begin while the vault does not answer", async () => {
    vault.fail({});
    await expect(provision(platform)).rejects.toMatchObject({
      code: "PROVISIONING_UNAVAILABLE",
      message: "Provisioning is unavailable: Key Vault did not answer within 0.5 s",
    });
  });
});
