import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { SecretTags } from "../../src/secrets/secret-store.ts";
import { secretStoreContract } from "../contracts/secret-store.ts";
import { type KeyVault, startKeyVault } from "../kit/key-vault.ts";

let vault: KeyVault;
beforeAll(async () => {
  vault = await startKeyVault();
});
beforeEach(() => vault.reset());
afterEach(() => expect(vault.exposed).toEqual([]));
afterAll(() => vault[Symbol.asyncDispose]());

secretStoreContract("Key Vault", async () => vault.open());
secretStoreContract("Key Vault with purge protection", async () => {
  vault.secrets.purgeProtection = true;
  return vault.open();
});
secretStoreContract("a Key Vault that takes its time", async () => {
  vault.secrets.slowness = 3;
  return vault.open();
});

const deletedByHand = async (name: string, tags: SecretTags = { tenantId: "us" }) => {
  const store = vault.open();
  await store.set(name, "old", tags);
  vault.secrets.answer("DELETE", `/secrets/${name}`, "");
  expect(vault.secrets.stateOf(name)).toBe("DELETING");
  return store;
};

const authorizedCalls = () =>
  vault.asked.filter(({ authorized }) => authorized).map(({ call }) => call);

describe("Key Vault", () => {
  test("is asked for credentials once, without a secret, however many calls begin at once", async () => {
    const store = vault.open();
    const names = Array.from({ length: 40 }, (_, index) => `name-${index}`);
    await Promise.all(names.map((name) => store.set(name, `value of ${name}`, {})));
    const values = await Promise.all(names.map(async (name) => (await store.get(name))?.value));
    expect(values).toEqual(names.map((name) => `value of ${name}`));
    expect(vault.asked.filter(({ authorized }) => !authorized)).toHaveLength(1);
  });

  test("is asked anew after the first call failed, still without a secret", async () => {
    const lost = await startKeyVault();
    const { url } = lost;
    await lost[Symbol.asyncDispose]();
    const store = vault.open({ url });
    await expect(store.set("name", "very-hidden", {})).rejects.toMatchObject({
      code: "E_SECRET_STORE",
      transient: true,
      message: "Key Vault cannot be reached (ECONNREFUSED)",
    });
    let tries = 0;
    const credential = {
      getToken: async () => {
        tries += 1;
        if (tries === 1) throw new Error("no token yet");
        return {
          token: "a-token-that-only-tests-take",
          expiresOnTimestamp: Date.now() + 3_600_000,
        };
      },
    };
    const second = vault.open({ credential });
    await expect(second.set("name", "very-hidden", {})).rejects.toThrow();
    const later = performance.now() + 3_100;
    using _time = vi.spyOn(performance, "now").mockReturnValue(later);
    await Promise.all([second.set("name", "very-hidden", {}), second.set("other", "hidden", {})]);
    expect(vault.secrets.valuesOf("name")).toEqual(["very-hidden"]);
  });

  test("recovers a name that was deleted by hand, and gives it a new version", async () => {
    const store = await deletedByHand("reborn");
    vault.secrets.slowness = 4;
    const { version } = await store.set("reborn", "new", { tenantId: "us" });
    expect(await store.get("reborn")).toMatchObject({ value: "new", version });
    expect(vault.secrets.valuesOf("reborn")).toEqual(["old", "new"]);
  });

  test("answers null for a secret that is deleted, and while it is being deleted", async () => {
    vault.secrets.slowness = 1;
    const store = await deletedByHand("gone");
    expect(await store.get("gone")).toBeNull();
    expect(await store.get("gone")).toBeNull();
    expect(vault.secrets.stateOf("gone")).toBe("DELETED");
  });

  test("purges what a killed purge had left deleted", async () => {
    const store = await deletedByHand("left", { "tenantry-purged": "true" });
    await store.purge("left");
    expect(await store.get("left")).toBeNull();
    expect(vault.secrets.stateOf("left")).not.toBe("DELETED");
    expect(authorizedCalls()).toContain("DELETE /deletedsecrets/left");
  });

  test("restores a version of a name that was deleted, and while it is being deleted", async () => {
    vault.secrets.slowness = 3;
    const store = vault.open();
    const { version } = await store.set("removed", "old", { tenantId: "us" });
    vault.secrets.answer("DELETE", "/secrets/removed", "");
    const restored = await store.restore("removed", version, { tenantId: "us" });
    expect(await store.get("removed")).toMatchObject({ value: "old", ...restored });
  });

  test("restores what a late purge has marked as removed, and nothing of another owner", async () => {
    const store = vault.open();
    const tags = { tenantId: "us" };
    const { version } = await store.set("marked", "old", tags);
    await store.set("marked", "purged", { "tenantry-purged": "true" });
    vault.secrets.answer("DELETE", "/secrets/marked", "");
    expect(await store.restore("marked", version, tags)).not.toBeNull();
    expect(await store.get("marked")).toMatchObject({ value: "old", tags });
    vault.secrets.answer("DELETE", "/secrets/marked", "");
    const foreign = store.restore("marked", version, { tenantId: "them" });
    await expect(foreign).rejects.toMatchObject({ code: "E_PARTIAL_STATE" });
  });

  test("asks before each step of a purge, and takes no further one that is not wanted", async () => {
    const store = vault.open();
    const tags = { tenantId: "us" };
    await store.set("stopped", "old", tags);
    let asked = 0;
    const stillWanted = async () => {
      asked += 1;
      if (asked === 3) throw new Error("not any more");
    };
    await expect(store.purge("stopped", { tags, stillWanted })).rejects.toThrow("not any more");
    expect(vault.secrets.stateOf("stopped")).toBe("DELETED");
    expect(authorizedCalls()).not.toContain("DELETE /deletedsecrets/stopped");
  });

  test("leaves a purged secret recoverable where purge protection is on, without its value", async () => {
    vault.secrets.purgeProtection = true;
    const store = vault.open();
    await store.set("kept", "very-hidden", { tenantId: "old" });
    await store.purge("kept");
    expect(vault.secrets.stateOf("kept")).toBe("DELETED");
    expect(authorizedCalls()).not.toContain("DELETE /deletedsecrets/kept");
    vault.secrets.answer("POST", "/deletedsecrets/kept/recover", "");
    expect(await store.get("kept")).toBeNull();
    expect(vault.secrets.stateOf("kept")).toBe("LIVE");
    await store.set("kept", "new", { tenantId: "new" });
    expect(await store.get("kept")).toMatchObject({ value: "new", tags: { tenantId: "new" } });
  });
});
