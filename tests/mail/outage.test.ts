import { expect, test } from "vitest";
import { freePort } from "../../packages/embedded-postgres/src/port.ts";
import { openPlatform } from "../kit/platform.ts";
import { openSmtp } from "../kit/smtp.ts";
import { provision } from "../kit/tenants.ts";

test("mail that a mail server was not there for arrives when it is back, once, by itself", async () => {
  const port = await freePort();
  await using world = await openPlatform({ environment: { SMTP_URL: `smtp://127.0.0.1:${port}` } });
  await world.startWorker();
  const { operation } = await provision(world.platform);
  expect(operation.state).toBe("SUCCEEDED");
  const sql = <Row extends object>(text: string) =>
    world.platform.orm.em.fork().execute<Row[]>(text);
  const mail = async () =>
    (
      await sql<{ state: string; attempts: number; error: string | null }>(
        "select state, attempts, last_error as error from platform.mail",
      )
    )[0];
  await expect.poll(async () => (await mail())?.error, { timeout: 60_000 }).toBeTruthy();
  expect(await mail()).toMatchObject({ state: "PENDING", attempts: 1 });
  await using server = await openSmtp({}, port);
  await sql("update platform.mail set next_attempt_at = now()");
  // Lets the time until the next delivery pass, once that is set.
  const passed = () =>
    sql(
      "update dbos.workflow_status set delay_until_epoch_ms = 0 where name = 'deliver-mail' and status = 'DELAYED' returning 1",
    );
  await expect.poll(passed, { timeout: 60_000 }).toHaveLength(1);
  await expect.poll(async () => (await mail())?.state, { timeout: 60_000 }).toBe("SENT");
  expect(server.received).toHaveLength(1);
});

test("an outbox that cannot be read is looked at again, as long as it takes", async () => {
  await using world = await openPlatform();
  const sql = (text: string) => world.platform.orm.em.fork().execute<object[]>(text);
  await sql("alter table platform.mail rename to mail_away");
  await world.startWorker();
  const deliveries = (status: string) => () =>
    sql(`select from dbos.workflow_status where name = 'deliver-mail' and status = '${status}'`);
  await expect.poll(deliveries("DELAYED"), { timeout: 30_000 }).toHaveLength(1);
  await sql("alter table platform.mail_away rename to mail");
  await sql("update dbos.workflow_status set delay_until_epoch_ms = 0 where status = 'DELAYED'");
  await expect.poll(deliveries("SUCCESS"), { timeout: 30_000 }).toHaveLength(2);
});
