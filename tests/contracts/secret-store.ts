import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import type { SecretStore } from "../../src/secrets/secret-store.ts";

/** What every adapter of the SecretStore port keeps; `open` answers a store without any secret. */
export function secretStoreContract(adapter: string, open: () => Promise<SecretStore>): void {
  describe(`${adapter} as a SecretStore`, () => {
    test("answers null for a name that was never set", async () => {
      const store = await open();
      expect(await store.get("absent")).toBeNull();
    });

    test("answers what was set, with version and tags", async () => {
      const store = await open();
      const { version } = await store.set("tenant-db-acme", "postgres://ü:€@host", {
        tenant: "acme",
      });
      const secret = await store.get("tenant-db-acme");
      expect(secret?.value).toBe("postgres://ü:€@host");
      expect(secret?.version).toBe(version);
      expect(secret?.tags).toEqual({ tenant: "acme" });
    });

    test("keeps an empty value and a long one", async () => {
      const store = await open();
      const long = "x".repeat(20_000);
      await store.set("empty", "", {});
      await store.set("long", long, {});
      expect((await store.get("empty"))?.value).toBe("");
      expect((await store.get("long"))?.value).toBe(long);
    });

    test("answers the newest version", async () => {
      const store = await open();
      const first = await store.set("rotated", "one", {});
      const second = await store.set("rotated", "two", { round: "2" });
      expect(second.version).not.toBe(first.version);
      expect(await store.get("rotated")).toMatchObject({
        value: "two",
        version: second.version,
        tags: { round: "2" },
      });
    });

    test("tells what bears a name", async () => {
      const store = await open();
      await store.set("held", "one", { tenantId: "t" });
      expect(await store.holder("held")).toEqual({ tags: { tenantId: "t" }, deleted: false });
      await store.purge("held");
      expect(await store.holder("held")).toBeNull();
    });

    test("answers an older version where it is asked for", async () => {
      const store = await open();
      const first = await store.set("kept", "one", { round: "1" });
      await store.set("kept", "two", {});
      await store.set("other", "three", {});
      expect(await store.get("kept", first.version)).toMatchObject({
        value: "one",
        version: first.version,
        tags: { round: "1" },
      });
      expect(await store.get("other", first.version)).toBeNull();
      await store.purge("kept");
      expect(await store.get("kept", first.version)).toBeNull();
    });

    test("takes names without their case", async () => {
      const store = await open();
      await store.set("Tenant-DB-Acme", "value", {});
      expect((await store.get("tenant-db-acme"))?.value).toBe("value");
    });

    test.each(["", "under_score", "dot.ted", "a b", "slash/ed", "ümlaut", "x".repeat(128)])(
      "refuses the name %j",
      async (name) => {
        const store = await open();
        for (const call of [store.get(name), store.set(name, "hidden", {}), store.purge(name)]) {
          await expect(call).rejects.toMatchObject({ code: "E_SECRET_STORE", retryable: false });
        }
      },
    );

    test("purges every version, and accepts that there is none", async () => {
      const store = await open();
      await store.set("gone", "one", {});
      await store.set("gone", "two", {});
      await store.set("stays", "three", {});
      await store.purge("gone");
      await store.purge("gone");
      expect(await store.get("gone")).toBeNull();
      expect((await store.get("stays"))?.value).toBe("three");
    });

    test("makes an earlier version the newest again", async () => {
      const store = await open();
      const tags = { tenantId: "t" };
      const first = await store.set("back", "one", tags);
      const late = await store.set("back", "late", { tenantId: "other" });
      const restored = await store.restore("back", first.version, tags);
      expect([first.version, late.version]).not.toContain(restored?.version);
      expect(await store.get("back")).toMatchObject({ value: "one", ...restored, tags });
      const again = await store.restore("back", restored?.version ?? "", tags);
      expect(again?.version).not.toBe(restored?.version);
      expect(await store.get("back")).toMatchObject({ value: "one", ...again });
    });

    test("restores no version that is gone", async () => {
      const store = await open();
      expect(await store.restore("lost", "0".repeat(32), {})).toBeNull();
      await store.set("lost", "two", {});
      expect(await store.restore("lost", "0".repeat(32), {})).toBeNull();
      expect((await store.get("lost"))?.value).toBe("two");
    });

    test("purges what bears the tags, as long as that is wanted", async () => {
      const store = await open();
      let asked = 0;
      const stillWanted = async () => {
        asked += 1;
      };
      await store.set("marked", "one", { tenantId: "us", slug: "s" });
      await store.purge("marked", { tags: { tenantId: "them" }, stillWanted });
      expect([asked, (await store.get("marked"))?.value]).toEqual([0, "one"]);
      const refused = new Error("not any more");
      const purged = store.purge("marked", {
        tags: { tenantId: "us" },
        stillWanted: async () => {
          throw refused;
        },
      });
      await expect(purged).rejects.toBe(refused);
      expect((await store.get("marked"))?.value).toBe("one");
      await store.purge("marked", { tags: { tenantId: "us" }, stillWanted });
      expect(asked).toBeGreaterThan(0);
      expect(await store.holder("marked")).toBeNull();
    });

    test("gives back what is stored while a purge takes place that comes late", async () => {
      const store = await open();
      const tags = { tenantId: "us" };
      const first = await store.set("anew", "one", tags);
      let next: string | undefined;
      const stillWanted = async () => {
        if (next !== undefined) throw new Error("not any more");
        next = (await store.set("anew", "two", { tenantId: "them" })).version;
      };
      await store.purge("anew", { tags, stillWanted }).catch(() => undefined);
      const restored = await store.restore("anew", next ?? "", { tenantId: "them" });
      expect(restored).not.toBeNull();
      expect(await store.get("anew")).toMatchObject({ value: "two", tags: { tenantId: "them" } });
      expect(restored?.version).not.toBe(first.version);
    });

    test("takes a name again after it was purged", async () => {
      const store = await open();
      const before = await store.set("reborn", "one", {});
      await store.purge("reborn");
      const after = await store.set("reborn", "two", {});
      expect(after.version).not.toBe(before.version);
      expect((await store.get("reborn"))?.value).toBe("two");
    });

    test("keeps one of the values that were set at once", async () => {
      const store = await open();
      const values = ["a", "b", "c", "d", "e", "f"];
      const set = await Promise.all(values.map((value) => store.set("raced", value, {})));
      const secret = await store.get("raced");
      const winner = set.findIndex(({ version }) => version === secret?.version);
      expect(secret?.value).toBe(values[winner]);
    });

    test("does not show a value when a secret is printed", async () => {
      const store = await open();
      await store.set("quiet", "very-hidden", {});
      const secret = await store.get("quiet");
      expect(`${inspect(secret)} ${JSON.stringify({ secret })}`).not.toContain("very-hidden");
    });

    test("says that it can be used", async () => {
      const store = await open();
      await expect(store.check()).resolves.toBeUndefined();
    });
  });
}
