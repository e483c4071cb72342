import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { createServiceToken, revokeServiceToken } from "../../src/iam/tokens/service-tokens.ts";
import { callerOf } from "../kit/api.ts";
import { asSuperuser, urlOf } from "../kit/database.ts";
import { perFile, perTest } from "../kit/lifetime.ts";
import { keepCopy } from "../kit/older-copy.ts";
import { openPlatform } from "../kit/platform.ts";
import { registerServer, startServer } from "../kit/servers.ts";
import { OPERATOR, provision } from "../kit/tenants.ts";
import { resultOf, SERVICE, start, tenantry } from "./_run.ts";

const LIMIT = 240_000;
const beside = perFile(() => startServer());
const world = perTest(openPlatform);

const ports = () => ({ em: world.platform.orm.em, clock: world.platform.clock });
const newToken = (name: string) =>
  createServiceToken(ports(), OPERATOR, { name, role: "ADMINISTRATOR" });

/** A service with its API and worker, which logs errors. */
async function startService() {
  const service = start([SERVICE], { ...world.environment, LOG_LEVEL: "error" });
  let log = "";
  service.child.stderr.on("data", (text: string) => {
    log += text;
  });
  let out = "";
  service.child.stdout.on("data", (text: string) => {
    out += text;
  });
  await service.until("Ctrl-C stops it.");
  return {
    url: /listens on (\S+)/.exec(out)?.[1] ?? "",
    log: () => log,
    kill: async () => {
      service.child.kill("SIGKILL");
      await service.ended;
    },
  };
}

const command = (...words: string[]) => tenantry(words, world.environment);

const head = async () => {
  const { databaseUrl } = world.platform;
  return await asSuperuser(databaseUrl, async (client) => {
    const { rows } = await client.query("select sequence::int from platform.audit_head");
    return rows[0]?.sequence as number;
  });
};

/** The files of the data directory in which the head is noted. */
const files = async () =>
  (await readdir(world.dataDir))
    .filter((name) => name.startsWith("audit-head-"))
    .map((name) => join(world.dataDir, name));

/** Waits until the file of the data directory has what the trail ends with. */
const untilInFile = async () => {
  const newest = await head();
  await vi.waitFor(
    async () => {
      const [file = ""] = await files();
      expect(JSON.parse(await readFile(file, "utf8")).at(-1).sequence).toBeGreaterThanOrEqual(
        newest,
      );
    },
    { timeout: 60_000, interval: 50 },
  );
};

/** Waits until the db server beside has it, too. */
const untilBeside = async (database: string) => {
  const newest = await head();
  await vi.waitFor(
    () =>
      asSuperuser(urlOf(beside.url, database), async (client) => {
        const { rows } = await client.query("select links from tenantry_control.audit_head");
        expect(rows[0]?.links.at(-1).sequence).toBeGreaterThanOrEqual(newest);
      }),
    { timeout: 60_000, interval: 100 },
  );
};

const refusalOf = async (url: string, token: string) => {
  const { errors } = await callerOf(url, token).send("{ me { role } }");
  return errors?.[0]?.extensions?.code;
};

/** The refusal of a database that answers. */
const answered = (url: string, token: string) =>
  vi.waitUntil(
    async () => {
      const code = await refusalOf(url, token);
      return code === "E_UNAVAILABLE" ? null : (code ?? "NONE");
    },
    { timeout: 30_000, interval: 20 },
  );

test(
  "a revoked token stays out while the standby that lagged is in its place",
  async () => {
    const service = await startService();
    try {
      const [kept, revoked] = [await newToken("kept"), await newToken("revoked")];
      const copy = await keepCopy(world.platform.databaseUrl);
      await answered(service.url, kept.value);
      await vi.waitFor(() => revokeServiceToken(ports(), OPERATOR, revoked.serviceToken.id));
      await provision(world.platform);
      expect(await refusalOf(service.url, revoked.value)).toBe("E_UNAUTHENTICATED");
      await untilInFile();
      await copy.promote();

      expect(await answered(service.url, revoked.value)).toBe("E_HISTORY_LOST");
      expect(await answered(service.url, kept.value)).toBe("E_HISTORY_LOST");
      await vi.waitFor(() => expect(service.log()).toContain("has lost what happened after row"), {
        timeout: 20_000,
      });
      const ready = await fetch(new URL("/readyz", service.url));
      expect({ status: ready.status, body: await ready.json() }).toEqual({
        status: 200,
        body: { status: "ready", warning: "E_HISTORY_LOST" },
      });
      const verified = await command("audit", "verify", "--json");
      expect(verified.end).toBe(1);
      expect(resultOf(verified)).toMatchObject({
        whole: false,
        bad: { why: expect.stringContaining("has lost") },
      });
      const doctor = await command("tenant", "doctor", "--fix");
      expect(doctor.end).toBe(1);
      expect(doctor.stdout).toContain("HISTORY_LOST");

      expect((await command("token", "revoke", revoked.serviceToken.id)).end).toBe(0);
      const accepted = await command("db", "accept-loss", "--yes", "--reason", "a standby lagged");
      expect(accepted).toMatchObject({ end: 0, stderr: "" });
      expect(await refusalOf(service.url, kept.value)).toBeUndefined();
      expect(await refusalOf(service.url, revoked.value)).toBe("E_UNAUTHENTICATED");
      expect((await command("audit", "verify")).end).toBe(0);
      const again = await command("db", "accept-loss", "--yes", "--reason", "once more");
      expect(again.stderr).toContain("Nothing is known to be lost");
    } finally {
      await service.kill();
    }
  },
  LIMIT,
);

test(
  "a service that starts on an older database, without its data directory's note, names it",
  async () => {
    const { tenantDatabase } = await registerServer(world.platform, beside, { name: "beside" });
    const forget = async () => {
      for (const file of await files()) await rm(file);
    };
    const service = await startService();
    const copy = await keepCopy(world.platform.databaseUrl);
    const { value } = await vi.waitFor(() => newToken("after the copy"), { timeout: 20_000 });
    await untilBeside(tenantDatabase);
    await service.kill();
    // As a container that is started anew has it.
    await forget();
    const restarted = await startService();
    expect(await refusalOf(restarted.url, value)).toBeUndefined();
    await restarted.kill();
    await forget();
    await copy.promote();
    const onOlder = await startService();
    try {
      await vi.waitFor(() => expect(onOlder.log()).toContain("as noted in db server 'beside'"), {
        timeout: 20_000,
      });
      expect(onOlder.log()).toContain("E_HISTORY_LOST");
      expect(await refusalOf(onOlder.url, value)).toBe("E_HISTORY_LOST");
    } finally {
      await onOlder.kill();
    }
  },
  LIMIT,
);
