import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import {
  afterFailure,
  deliverPendingMail,
  type LinkOf,
  nextDelivery,
} from "../../src/mail/deliver.ts";
import { fileMailer } from "../../src/mail/file-mailer.ts";
import { type Mailer, type Message, Undeliverable } from "../../src/mail/mailer.ts";
import { queueMail, revokeMail } from "../../src/mail/outbox.ts";
import { render } from "../../src/mail/templates.ts";
import { TestClock } from "../kit/iam.ts";
import { perTest } from "../kit/lifetime.ts";
import { openPlatformDatabase } from "../kit/platform-database.ts";

const platform = perTest(openPlatformDatabase);
const time = perTest(() => new TestClock());

const LINK = "https://acme.example.com/accept-invitation?token=very-hidden";
const link: LinkOf = async () => LINK;

const queue = (tenantName = "Acme", invitationId = newId()) =>
  platform.orm.em.fork().transactional(async (em) =>
    queueMail(em, time.now, {
      template: "invitation",
      recipient: "ada@example.com",
      params: { invitationId, slug: "acme", tenantName },
    }),
  );

/** A mailer that keeps what it is given, or fails with `fault`. */
function memory(fault?: string): Mailer & { sent: Message[] } {
  const sent: Message[] = [];
  return {
    sent,
    async send(message) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (fault !== undefined) throw new Error(fault);
      sent.push(message);
    },
  };
}

const deliver = (mailer: Mailer, linkOf = link, em = platform.orm.em, limit = 100) =>
  deliverPendingMail({ em, mailer, linkOf, clock: time.now }, { limit });

const NONE = { sent: 0, postponed: 0, failed: 0, revoked: 0 };

const rows = () => platform.sql("select * from platform.mail order by id");

describe("the outbox", () => {
  test("sends a mail once, with a Message-ID of its own", async () => {
    const id = await queue();
    const mailer = memory();
    expect(await deliver(mailer)).toEqual({ ...NONE, sent: 1 });
    expect(await deliver(mailer)).toEqual(NONE);
    expect(mailer.sent).toHaveLength(1);
    expect(mailer.sent[0]).toMatchObject({ to: "ada@example.com", id });
    expect(await rows()).toMatchObject([{ state: "SENT", attempts: 1, last_error: null }]);
  });

  test("holds nothing of a transaction that was rolled back, and no link", async () => {
    await queue();
    await platform.orm.em
      .fork()
      .transactional(async (em) => {
        const params = { membershipId: newId(), slug: "acme", tenantName: "Acme" };
        queueMail(em, time.now, {
          template: "membership-added",
          recipient: "a@example.com",
          params,
        });
        throw new Error("rolled back");
      })
      .catch(() => undefined);
    expect(await rows()).toHaveLength(1);
    expect(JSON.stringify(await rows())).not.toContain("very-hidden");
  });

  test("sends each mail once while several processes deliver", async () => {
    for (let queued = 0; queued < 30; queued++) await queue();
    const orms = await Promise.all([1, 2, 3].map(() => platform.another()));
    const mailer = memory();
    const counts = await Promise.all(orms.map(({ em }) => deliver(mailer, link, em)));
    expect(counts.reduce((sum, { sent }) => sum + sent, 0)).toBe(30);
    expect(new Set(mailer.sent.map(({ id }) => id)).size).toBe(30);
    expect(mailer.sent).toHaveLength(30);
  });

  test("sends at most as many as it is told", async () => {
    for (let queued = 0; queued < 5; queued++) await queue();
    expect(await deliver(memory(), link, platform.orm.em, 3)).toMatchObject({ sent: 3 });
  });

  test("tries again for days, and gives up then", async () => {
    await queue();
    await queue("Beta");
    const broken = memory(`451 not now: ${LINK}`);
    expect(await deliver(broken)).toEqual({ ...NONE, postponed: 2 });
    expect(await deliver(broken)).toEqual(NONE);
    time.pass(3 * 86_400);
    expect(await deliver(broken)).toEqual({ ...NONE, postponed: 2 });
    time.pass(86_400);
    expect(await deliver(broken)).toEqual({ ...NONE, failed: 2 });
    time.pass(86_400);
    expect(await deliver(broken)).toEqual(NONE);
    expect(await rows()).toMatchObject([
      { state: "FAILED", attempts: 3, last_error: expect.stringContaining("451 not now") },
      { state: "FAILED", attempts: 3 },
    ]);
    expect(JSON.stringify(await rows())).not.toContain("very-hidden");
  });

  test("does not ask a server that is away for every mail that waits", async () => {
    for (let queued = 0; queued < 9; queued++) await queue();
    expect(await deliver(memory("down"))).toEqual({ ...NONE, postponed: 5 });
    expect(await deliver(memory())).toEqual({ ...NONE, sent: 4 });
    expect((await nextDelivery(platform.orm.em))?.getTime()).toBeGreaterThan(time.now().getTime());
    time.pass(30);
    expect(await deliver(memory())).toEqual({ ...NONE, sent: 5 });
    expect(await nextDelivery(platform.orm.em)).toBeNull();
  });

  test("leaves no transaction open while a mail is sent, however long that takes", async () => {
    const about = newId();
    await queue("Acme", about);
    const mailer: Mailer = {
      // What is sent at this moment can be revoked: nobody waits for a mail server.
      send: () => platform.orm.em.fork().transactional((em) => revokeMail(em, about)),
    };
    expect(await deliver(mailer)).toEqual({ ...NONE, sent: 1 });
    expect(await rows()).toMatchObject([{ state: "REVOKED" }]);
  });

  test("recovers after a failure, under the same Message-ID", async () => {
    const id = await queue();
    await deliver(memory("down"));
    time.pass(30);
    const mailer = memory();
    await deliver(mailer);
    expect(mailer.sent[0]?.id).toBe(id);
    expect(await rows()).toMatchObject([{ state: "SENT", attempts: 2, last_error: null }]);
  });

  test("sends nothing that was revoked, here or where the link is made", async () => {
    const about = newId();
    await queue("Acme", about);
    await queue();
    await platform.orm.em.fork().transactional((em) => revokeMail(em, about));
    const mailer = memory();
    expect(await deliver(mailer, async () => null)).toEqual({ ...NONE, revoked: 1 });
    expect(mailer.sent).toEqual([]);
    expect(await rows()).toMatchObject([{ state: "REVOKED" }, { state: "REVOKED" }]);
  });

  test("sets a row that is no mail aside, and goes on", async () => {
    await queue();
    await platform.sql("update platform.mail set params = '{}'");
    await queue();
    expect(await deliver(memory())).toEqual({ ...NONE, sent: 1, failed: 1 });
  });

  test("waits longer after each failure, an hour at most, and not at all after a refusal for good", () => {
    const createdAt = new Date(0);
    const pauses = Array.from({ length: 10 }, (_none, index) => {
      const next = afterFailure({ attempts: index + 1, createdAt }, new Error("away"), createdAt);
      return "nextAttemptAt" in next ? next.nextAttemptAt.getTime() / 1000 : next.state;
    });
    expect(pauses).toEqual([20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
    const refused = new Undeliverable("550 no such user");
    expect(afterFailure({ attempts: 1, createdAt }, refused, createdAt)).toEqual({
      state: "FAILED",
    });
  });
});

describe("a mail", () => {
  const content = (tenantName: string) =>
    ({
      template: "invitation",
      params: { invitationId: newId(), slug: "acme", tenantName },
    }) as const;

  test("escapes what people typed", () => {
    const { html, text } = render(content('<b>Ben & "Co"</b>'), `${LINK}&x='y'`);
    expect(html).toContain("&lt;b&gt;Ben &amp; &quot;Co&quot;&lt;/b&gt;");
    expect(html).toContain(
      `href="https://acme.example.com/accept-invitation?token=very-hidden&amp;x=&#39;y&#39;"`,
    );
    expect(text).toContain(`<b>Ben & "Co"</b>`);
  });

  test("keeps a name on its line", () => {
    expect(render(content("Acme\r\nBcc: all@example.com"), LINK).subject).toBe(
      "Your invitation to Acme Bcc: all@example.com",
    );
  });
});

describe("the file mailer", () => {
  test("writes messages that only their owner may read", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "tenantry-"));
    const id = newId();
    const mailer = fileMailer({
      dataDir,
      from: "Tenantry <no-reply@example.com>",
      clock: time.now,
    });
    const message = { to: "ada@example.com", id };
    await mailer.send({
      ...message,
      subject: "Grüße\r\nBcc: x@example.com",
      text: LINK,
      html: `<p>${LINK}</p>`,
    });
    const [name = ""] = await readdir(join(dataDir, "mail"));
    expect(name).toMatch(new RegExp(`^\\d{8}T\\d{9}Z-${id}\\.eml$`));
    expect((await stat(join(dataDir, "mail", name))).mode & 0o777).toBe(0o600);
    const eml = await readFile(join(dataDir, "mail", name), "utf8");
    const [head = "", body = ""] = eml.split("\r\n\r\n", 2);
    expect(head).toContain(`Message-ID: <${id}@example.com>`);
    expect(head).toContain("Auto-Submitted: auto-generated");
    expect(head).toContain("From: Tenantry <no-reply@example.com>");
    expect(head).toContain("To: ada@example.com");
    expect(head).toMatch(/^Subject: =\?UTF-8\?/m);
    expect(head).toMatch(/^Content-Type: multipart\/alternative/m);
    expect(head).not.toMatch(/^Bcc:/m);
    expect(body).toBeDefined();
    await rm(dataDir, { recursive: true });
  });
});
