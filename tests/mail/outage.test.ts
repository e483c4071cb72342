import { expect, test } from "vitest";
import { openPlatform } from "../kit/platform.ts";
import { openSmtp } from "../kit/smtp.ts";
import { provision } from "../kit/tenants.ts";

test("mail that a mail server was not there for arrives when it is back, once, by itself", {
  timeout: 120_000,
}, async () => {
  const { port } = await (async () => {
    await using closed = await openSmtp();
    return { port: closed.port };
  })();
  await using world = await openPlatform({ environment: { SMTP_URL: `smtp://127.0.0.1:${port}` } });
  await world.startWorker();
  const { operation } = await provision(world.platform);
  expect(operation.state).toBe("SUCCEEDED");
  const mail = async () => {
    const [row] = await world.platform.orm.em
      .fork()
      .execute<{ state: string; attempts: number }[]>("select state, attempts from platform.mail");
    return row;
  };
  await expect.poll(async () => (await mail())?.attempts, { timeout: 20_000 }).toBe(1);
  expect(await mail()).toMatchObject({ state: "PENDING" });
  await using server = await openSmtp({}, port);
  await expect.poll(async () => (await mail())?.state, { timeout: 90_000 }).toBe("SENT");
  expect(server.received).toHaveLength(1);
});
