import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { createKeyFile, readKeyFile } from "../../src/secrets/key-file.ts";
import { openLocalSecretStore } from "../../src/secrets/local-secret-store.ts";
import { secretStoreContract } from "../contracts/secret-store.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatformDatabase } from "../kit/platform-database.ts";

const platform = perFile(openPlatformDatabase);

const open = (dataDir = platform.dataDir) => openLocalSecretStore({ em: platform.orm.em, dataDir });

secretStoreContract("the local store", async () => {
  await platform.sql("delete from platform.secret_version where name <> 'key_check'");
  return await open();
});

describe("the local store", () => {
  beforeEach(async () => {
    await platform.sql("delete from platform.secret_version");
    await rm(join(platform.dataDir, "secret.key"), { force: true });
  });

  test("makes a key file that only its owner may read, and leaves nothing else behind", async () => {
    await open();
    expect(await readdir(platform.dataDir)).toEqual(["secret.key"]);
    expect((await stat(join(platform.dataDir, "secret.key"))).mode & 0o777).toBe(0o600);
    expect(await readKeyFile(platform.dataDir)).toHaveLength(32);
  });

  test("agrees on one key when processes open it at once", async () => {
    const orms = await Promise.all([1, 2, 3].map(() => platform.another()));
    const stores = await Promise.all(
      orms.map(({ em }) => openLocalSecretStore({ em, dataDir: platform.dataDir })),
    );
    for (const [index, store] of stores.entries()) await store.set(`name-${index}`, "value", {});
    for (const store of stores) {
      for (const index of [0, 1, 2])
        expect((await store.get(`name-${index}`))?.value).toBe("value");
    }
  });

  test("makes one key file of many at once", async () => {
    await Promise.all(Array.from({ length: 20 }, () => createKeyFile(platform.dataDir)));
    const key = await readKeyFile(platform.dataDir);
    await createKeyFile(platform.dataDir);
    expect(await readKeyFile(platform.dataDir)).toEqual(key);
    expect(await readdir(platform.dataDir)).toEqual(["secret.key"]);
  });

  test("does not open with the key of another database", async () => {
    const store = await open();
    await store.set("name", "very-hidden", {});
    const other = await mkdtemp(join(tmpdir(), "tenantry-"));
    await createKeyFile(other);
    const refusal = await open(other).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "E_SECRET_STORE", retryable: false });
    expect(String(refusal)).toContain("DATA_DIR");
    expect(String(refusal)).not.toContain(await readFile(join(other, "secret.key"), "utf8"));
    await rm(other, { recursive: true });
  });

  test("makes no new key for a database that has secrets", async () => {
    await open();
    await rm(join(platform.dataDir, "secret.key"));
    await expect(open()).rejects.toThrow(/has no secret.key/);
    expect(await readdir(platform.dataDir)).toEqual([]);
  });

  test("says that a key file is damaged", async () => {
    await writeFile(join(platform.dataDir, "secret.key"), "c2hvcnQ=\n");
    await expect(open()).rejects.toThrow(/must hold 32 bytes/);
  });

  test("holds no value in the open", async () => {
    await (await open()).set("name", "very-hidden", { tag: "shown" });
    const rows = await platform.sql("select * from platform.secret_version");
    const all = JSON.stringify(rows) + rows.map((row) => String(row.ciphertext)).join();
    expect(all).not.toContain("very-hidden");
  });

  test.each([
    ["of another name", "update platform.secret_version set name = 'two' where name = 'one'"],
    ["of another version", "update platform.secret_version set version = 'x' where name = 'one'"],
    [
      "changed",
      "update platform.secret_version set ciphertext = ciphertext || '\\x00' where name = 'one'",
    ],
    ["cut off", "update platform.secret_version set ciphertext = '\\x00' where name = 'one'"],
  ])("does not open a ciphertext that is %s", async (_what, change) => {
    const store = await open();
    await store.set("one", "value", {});
    await platform.sql(change);
    const calls = Promise.all([store.get("one"), store.get("two")]);
    await expect(calls).rejects.toMatchObject({ code: "E_SECRET_STORE" });
  });

  test("finds out when it is asked that its key is gone from the database", async () => {
    const store = await open();
    await platform.sql("delete from platform.secret_version");
    await expect(store.check()).rejects.toMatchObject({ code: "PROVISIONING_UNAVAILABLE" });
  });
});
