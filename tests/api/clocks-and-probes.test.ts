import { decodeJwt } from "jose";
import { expect, test, vi } from "vitest";
import { openLiveness } from "../../src/api/transport/liveness.ts";
import { openProbeServer } from "../../src/api/transport/probes.ts";
import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { PLATFORM_AUDIENCE } from "../../src/iam/tokens/access-token.ts";
import { nextDelivery } from "../../src/mail/deliver.ts";
import { MailEntity } from "../../src/mail/mail.entity.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";

const TWO_MINUTES = 120_000;
const off = (ms: number) => () => new Date(Date.now() + ms);

const world = perFile(() => openPlatform({ replace: { machineClock: off(TWO_MINUTES) } }));

test("the database's clock decides: tokens and mails of machines that are minutes apart hold for both", async () => {
  const { platform: fast } = world;
  const slow = await assemble(readConfig(world.environment), { machineClock: off(-TWO_MINUTES) });
  try {
    for (const [issuer, verifier] of [
      [fast, slow],
      [slow, fast],
    ] as const) {
      const { token } = await issuer.keys.sign({
        audience: PLATFORM_AUDIENCE,
        subject: "somebody",
        claims: {},
      });
      expect(Math.abs((decodeJwt(token).iat ?? 0) * 1000 - Date.now())).toBeLessThan(60_000);
      expect(await verifier.keys.verify(token, PLATFORM_AUDIENCE)).toMatchObject({
        subject: "somebody",
      });
    }
  } finally {
    await slow.close();
  }
  await world.startWorker();
  const { operation } = await provision(fast, { seeds: [] });
  expect(operation.state).toBe("SUCCEEDED");
  const em = fast.orm.em.fork();
  await vi.waitUntil(async () => (await nextDelivery(em)) === null, { timeout: 30_000 });
  const mails = await em.find(MailEntity, {});
  expect(mails.map(({ state, attempts }) => ({ state, attempts }))).toEqual(
    mails.map(() => ({ state: "SENT", attempts: 1 })),
  );
});

test("a worker without an API answers probes, and says what only a restart mends", async () => {
  const { platform } = world;
  let broken: string | null = null;
  const state = { broken: () => broken, isStalled: () => false };
  const probes = await openProbeServer(platform, state, { host: "127.0.0.1", port: 0 });
  try {
    const ask = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${probes.port}${path}`);
      return [answer.status, await answer.json()];
    };
    expect(await ask("/healthz")).toEqual([200, { status: "ok" }]);
    expect(await ask("/readyz")).toEqual([200, { status: "ready" }]);
    expect((await ask("/graphql"))[0]).toBe(404);
    broken = "the engine has ended";
    expect(await ask("/healthz")).toEqual([503, { status: "stuck", fault: broken }]);
  } finally {
    await probes.close();
  }
});

test("a worker that does not look into its queue is stuck where its database answers", async () => {
  const { platform } = world;
  const state = { broken: () => null, isStalled: () => true };
  const fault = openLiveness(platform, state, { withinMs: 5_000, everyMs: 0, stuckMs: 0 });
  await vi.waitUntil(() => fault() === "the worker does not look into its queue", {
    timeout: 30_000,
  });
});
