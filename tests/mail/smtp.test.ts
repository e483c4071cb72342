import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import { deliverPendingMail } from "../../src/mail/deliver.ts";
import { queueMail } from "../../src/mail/outbox.ts";
import { smtpMailer } from "../../src/mail/smtp-mailer.ts";
import { TestClock } from "../kit/iam.ts";
import { perTest } from "../kit/lifetime.ts";
import { openPlatformDatabase } from "../kit/platform-database.ts";
import { openSmtp, openTalker, reply } from "../kit/smtp.ts";

const platform = perTest(openPlatformDatabase);
const time = perTest(() => new TestClock());

const LINK = "https://acme.example.com/accept-invitation?token=very-hidden";
const FROM = "Tenantry <no-reply@example.com>";

const queue = (tenantName = "Acme", recipient = "ada@example.com") =>
  platform.orm.em.fork().transactional(async (em) =>
    queueMail(em, time.now, {
      template: "invitation",
      recipient,
      params: { invitationId: newId(), slug: "acme", tenantName },
    }),
  );

const deliver = (url: string, within?: number) =>
  deliverPendingMail(
    {
      em: platform.orm.em,
      clock: time.now,
      linkOf: async () => LINK,
      mailer: smtpMailer({ url, from: FROM, ...(within ? { within } : {}) }),
    },
    { limit: 100 },
  );

const rows = () =>
  platform.sql("select id, state, attempts, last_error from platform.mail order by id");
const plain = (port: number, more = "") => `smtp://127.0.0.1:${port}${more}`;
const messageIdOf = (mail: string | undefined) => /^Message-ID: (.*)$/im.exec(mail ?? "")?.[1];
const unfolded = (mail: string | undefined) =>
  (mail ?? "").replaceAll("=\r\n", "").replaceAll("=3D", "=");

describe("a mail by SMTP", () => {
  test("has a text and an HTML part with the link, and is from MAIL_FROM", async () => {
    await using server = await openSmtp();
    const id = await queue();
    expect(await deliver(plain(server.port))).toMatchObject({ sent: 1 });
    expect(server.received).toHaveLength(1);
    const mail = unfolded(server.received[0]);
    expect(messageIdOf(mail)).toBe(`<${id}@example.com>`);
    expect(mail).toContain(`From: ${FROM}`);
    expect(mail).toContain("Auto-Submitted: auto-generated");
    expect(mail).toContain("To: ada@example.com");
    expect(mail).toContain("Content-Type: text/plain; charset=utf-8");
    expect(mail).toContain("Content-Type: text/html; charset=utf-8");
    expect(mail).toContain(`\r\n${LINK}\r\n`);
    expect(mail).toContain(`href="${LINK}"`);
    expect(mail).toContain('<html lang="en">');
  });

  test("goes to addresses with letters beyond ASCII where the server takes them", async () => {
    const recipient = "jörg@xn--bcher-kva.example";
    const senders: unknown[] = [];
    await using server = await openSmtp({
      hideSMTPUTF8: false,
      onMailFrom: ({ args }, _session, done) => {
        senders.push(args);
        done();
      },
      // The server tells domains in letters.
      onRcptTo: ({ address }, _session, done) =>
        done(address === "jörg@bücher.example" ? null : reply(553, `not ${address}`)),
    });
    await queue("Acme", recipient);
    expect(await deliver(plain(server.port))).toMatchObject({ sent: 1 });
    expect(senders).toEqual([expect.objectContaining({ SMTPUTF8: true })]);
    expect(server.received[0]).toContain("To: jörg@bücher.example");
    await using ascii = await openSmtp({
      onRcptTo: (_address, _session, done) => done(reply(553, "mailbox name not allowed")),
    });
    await queue("Acme", recipient);
    expect(await deliver(plain(ascii.port))).toMatchObject({ failed: 1 });
  });

  test("cannot be given headers or markup by a tenant's name", async () => {
    await using server = await openSmtp();
    await queue('<img src=x onerror="x">\r\nBcc: all@example.com\r\n\r\nHello');
    await deliver(plain(server.port));
    const mail = unfolded(server.received[0]);
    expect(mail).not.toMatch(/^Bcc:/im);
    expect(mail).toContain("&lt;img src=x onerror=&quot;x&quot;&gt; Bcc: all@example.com Hello");
    expect(mail).not.toContain("\r\n<img");
  });

  test("signs in with the URL's account, and waits while that is refused", async () => {
    await using server = await openSmtp({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) =>
        username === "app" && password === "p@ss"
          ? done(null, { user: username })
          : done(reply(535, "no such account")),
    });
    await queue();
    const as = (password: string) => `smtp://app:${password}@127.0.0.1:${server.port}`;
    expect(await deliver(as("wrong"))).toMatchObject({ postponed: 1 });
    expect(await rows()).toMatchObject([
      { state: "PENDING", last_error: expect.stringContaining("535") },
    ]);
    time.pass(30);
    expect(await deliver(as("p%40ss"))).toMatchObject({ sent: 1 });
  });

  test("goes over TLS where the server offers it, and only to one that can prove who it is", async () => {
    const secured: boolean[] = [];
    await using server = await openSmtp({
      disabledCommands: [],
      onMailFrom: (_address, session, done) => {
        secured.push(session.secure);
        done();
      },
    });
    await queue();
    expect(await deliver(plain(server.port))).toMatchObject({ postponed: 1 });
    expect(secured).toEqual([]);
    time.pass(30);
    const trusting = plain(server.port, "?requireTLS=true&tls.rejectUnauthorized=false");
    expect(await deliver(trusting)).toMatchObject({ sent: 1 });
    expect(secured).toEqual([true]);
  });
});

describe("a mail server that is not well", () => {
  test("is asked again after a 4xx, and gets the mail once, under the same Message-ID", async () => {
    const seen: (string | undefined)[] = [];
    let refusals = 2;
    await using server = await openSmtp({
      onData: (stream, _session, done) => {
        let mail = "";
        stream.on("data", (part: Buffer) => {
          mail += part;
        });
        stream.on("end", () => {
          seen.push(messageIdOf(mail));
          done(refusals-- > 0 ? reply(451, "greylisted") : null);
        });
      },
    });
    const id = await queue();
    expect(await deliver(plain(server.port))).toMatchObject({ postponed: 1 });
    time.pass(21);
    expect(await deliver(plain(server.port))).toMatchObject({ postponed: 1 });
    time.pass(41);
    expect(await deliver(plain(server.port))).toMatchObject({ sent: 1 });
    time.pass(86_400);
    expect(await deliver(plain(server.port))).toMatchObject({ sent: 0 });
    expect(seen).toEqual(Array(3).fill(`<${id}@example.com>`));
    expect(await rows()).toMatchObject([{ state: "SENT", attempts: 3, last_error: null }]);
  });

  test("is not asked again after a 5xx about the recipient; the others get theirs", async () => {
    await using server = await openSmtp({
      onRcptTo: ({ address }, _session, done) =>
        done(address.startsWith("gone") ? reply(550, "no such user here") : null),
    });
    await queue("Acme", "gone@example.com");
    await queue("Acme", "here@example.com");
    expect(await deliver(plain(server.port))).toMatchObject({ failed: 1, sent: 1 });
    time.pass(86_400);
    expect(await deliver(plain(server.port))).toMatchObject({ failed: 0, sent: 0 });
    expect(await rows()).toMatchObject([
      { state: "FAILED", last_error: expect.stringContaining("no such user here") },
      { state: "SENT" },
    ]);
  });

  test("is left alone when it hangs, and gets the mail later", async () => {
    const hung = await openSmtp({ onConnect: () => {} });
    await queue();
    const impatient = plain(hung.port, "?greetingTimeout=200&socketTimeout=200");
    expect(await deliver(impatient)).toMatchObject({ postponed: 1 });
    await hung[Symbol.asyncDispose]();
    time.pass(30);
    // It is down now: nobody listens there.
    expect(await deliver(plain(hung.port))).toMatchObject({ postponed: 1 });
    await using back = await openSmtp({}, hung.port);
    time.pass(60);
    expect(await deliver(plain(back.port))).toMatchObject({ sent: 1 });
    expect(back.received).toHaveLength(1);
  });
});

describe("what a mail server is told and says", () => {
  /** Answers as a server does that refuses the recipient. */
  const refusing = (line: string, socket: Socket) => {
    const [command = ""] = line.split(/[ :]/, 1);
    const answers: Record<string, string> = {
      EHLO: "250-mail.test\r\n250 AUTH PLAIN",
      AUTH: "235 welcome",
      RCPT: "550 no such user here",
      QUIT: "221 bye",
    };
    socket.write(`${answers[command] ?? "250 ok"}\r\n`);
    if (command === "QUIT") socket.end();
  };

  test("begins with the sender's domain and ends with QUIT, also after a refusal", async () => {
    await using server = await openTalker((socket) => socket.write("220 mail.test\r\n"), refusing);
    await queue();
    expect(await deliver(plain(server.port))).toMatchObject({ failed: 1 });
    await vi.waitFor(() => expect(server.lines.at(-1)).toBe("QUIT"));
    expect(server.lines).toEqual([
      "EHLO example.com",
      "MAIL FROM:<no-reply@example.com>",
      "RCPT TO:<ada@example.com>",
      "QUIT",
    ]);
  });

  test.each<[string, (socket: Socket) => void, ((line: string, socket: Socket) => void)?]>([
    ["HTML", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n<html>no mail here</html>")],
    ["nothing", () => {}],
    ["nothing, and hangs up", (socket) => socket.end()],
    ["a flood", (socket) => socket.write("x".repeat(1_000_000))],
    [
      "a byte now and then",
      (socket) => {
        const drip = setInterval(() => socket.write("2"), 20);
        socket.on("close", () => clearInterval(drip));
      },
    ],
    [
      "a greeting, then a byte now and then",
      (socket) => socket.write("220 mail.test\r\n"),
      (_line, socket) => {
        const drip = setInterval(() => socket.write("2"), 20);
        socket.on("close", () => clearInterval(drip));
      },
    ],
    [
      "the password of the login",
      (socket) => socket.write("220 mail.test\r\n"),
      (line, socket) => {
        if (!line.startsWith("AUTH")) return refusing(line, socket);
        const [, , sent = ""] = line.split(" ");
        const pass = Buffer.from(sent, "base64").toString().split("\0").at(-1);
        socket.write(
          `535 ${sent} is not right, smtp://app:${pass}@mail.test, password=${pass}\r\n`,
        );
      },
    ],
  ])("is bounded and tried again when it says %s", async (_what, greet, answer) => {
    await using server = await openTalker(greet, answer);
    await queue();
    const url = `smtp://app:s3cret-w%C3%B6rd@127.0.0.1:${server.port}?greetingTimeout=5000`;
    expect(await deliver(url, 400)).toMatchObject({ postponed: 1 });
    const [row] = await rows();
    expect(row).toMatchObject({ state: "PENDING", attempts: 1 });
    const told = String(row?.last_error);
    expect(told.length).toBeLessThanOrEqual(500);
    expect(told).not.toMatch(/s3cret|w%C3|wörd|AGFwcA/);
    expect(told).toMatch(/[a-z]/);
  });
});

test("a process that is killed while it sends leaves the mail to another, under the same Message-ID", async () => {
  const seen: (string | undefined)[] = [];
  const arrived = Promise.withResolvers<void>();
  await using server = await openSmtp({
    onData: (stream, _session, done) => {
      let mail = "";
      stream.on("data", (part: Buffer) => {
        mail += part;
      });
      stream.on("end", () => {
        seen.push(messageIdOf(mail));
        arrived.resolve();
        // The first process never hears that its mail was taken.
        if (seen.length > 1) done();
      });
    },
  });
  const id = await queue();
  const doomed = spawn(
    process.execPath,
    [join(import.meta.dirname, "../kit/doomed-mailer.ts"), platform.url, plain(server.port)],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  await arrived.promise;
  doomed.kill("SIGKILL");
  await once(doomed, "exit");
  expect(await deliver(plain(server.port))).toMatchObject({ sent: 0, postponed: 0 });
  time.pass(121);
  expect(await deliver(plain(server.port))).toMatchObject({ sent: 1 });
  expect(seen).toEqual(Array(2).fill(`<${id}@example.com>`));
  expect(await rows()).toMatchObject([{ state: "SENT", attempts: 2 }]);
});
