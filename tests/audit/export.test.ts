import { Readable } from "node:stream";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { AuditEvent } from "../../src/audit/events.ts";
import { type Exported, exportTrail } from "../../src/audit/export.ts";
import type { ExportFormat } from "../../src/audit/export-format.ts";
import { type AuditActor, record } from "../../src/audit/record.ts";
import { verifyAuditChain } from "../../src/audit/verify.ts";
import { verifyExport } from "../../src/audit/verify-export.ts";
import { newId } from "../../src/kernel/ids.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatformDatabase } from "../kit/platform-database.ts";

/** Texts that formats are known to trip over. */
const HARD = [
  'a "quoted" \\ back\\slash, and\ttab',
  "two\nlines\r\nand a bell \u0007, a delete \u007f and a line separator \u2028",
  "Zürich 東京 😀 e\u0301",
  "=SUM(A1)",
  "'=quoted already",
  "'",
  "-1+1",
  "",
  ",",
];
const ACTOR: AuditActor = { kind: "OS_USER", id: "ops@host", name: "ops", address: null };

const platform = perFile(openPlatformDatabase);
beforeAll(async () => {
  for (const text of HARD) {
    const id = newId();
    await write(
      { ...ACTOR, name: text, address: text },
      {
        type: "TENANT_PURGED",
        tenant: { id, slug: "acme" },
        operationId: id,
        detail: {
          reason: text,
          evidence: {
            server: text,
            database: "d",
            schema: null,
            tables: 0,
            bytes: 2 ** 52,
            roles: [text, "x"],
            secretName: null,
          },
          people: { memberships: 1, invitations: 0, mails: 0, identities: 0 },
          remaining: [],
        },
      },
    );
  }
});

const write = (actor: AuditActor, event: AuditEvent) =>
  platform.orm.em.fork().transactional(async (em) => record(em, actor, event));

async function exported(format: ExportFormat, filter: Parameters<typeof exportTrail>[1] = {}) {
  const told: Exported = { rows: 0, first: null, last: null };
  const parts: string[] = [];
  for await (const part of exportTrail(platform.orm.em.fork(), filter, format, told))
    parts.push(part);
  return { text: parts.join(""), told };
}

/** Verifies a file that arrives in pieces of so many bytes. */
const verify = (file: string | Buffer, piece = 7) => {
  const bytes = Buffer.from(file);
  const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, at) =>
    bytes.subarray(at * piece, (at + 1) * piece),
  );
  return verifyExport(Readable.from(pieces));
};

test("a CSV holds no text that a spreadsheet would take for a formula", async () => {
  const { text } = await exported("csv");
  expect(text).toContain(",'=SUM(A1),");
  expect(text).toContain(",''=quoted already,");
  expect(text).not.toMatch(/(^|,)"?[=+\-@]/m);
});

test("facts hold whole numbers only, which SQL and every other language write alike", () => {
  expect(JSON.stringify(z.toJSONSchema(AuditEvent))).not.toContain('"type":"number"');
});

describe.each(["jsonl", "csv"] as const)("an export as %s", (format) => {
  test("is whole by itself, whatever its texts hold", async () => {
    const { text, told } = await exported(format);
    const verdict = await verify(text);
    expect(verdict).toMatchObject({ rows: HARD.length, bad: null });
    expect(verdict.first).toMatchObject({ sequence: 1, prevHash: "0".repeat(64) });
    expect(verdict.last).toEqual(told.last);
    const [head] = await platform.sql("select hash from platform.audit_head");
    expect(verdict.last?.hash).toBe(head?.hash);
  });

  test("shows one changed byte, wherever it is, with the row that it is in", async () => {
    const { text } = await exported(format);
    const bytes = Buffer.from(text);
    const ends = rowEnds(format, text);
    for (let at = 0; at < bytes.length; at += 3) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const { bad } = await verify(changed, 65_536);
      const row = ends.findIndex((end) => at < end) + 1;
      expect(bad, `byte ${at}`).not.toBeNull();
      // Nothing tells the number of a first row that cannot be read.
      if (row > 1) expect(bad?.sequence, `byte ${at}`).toBe(row);
    }
  });

  test("shows a removed, a doubled and a half row", async () => {
    const { text } = await exported(format);
    const bytes = Buffer.from(text);
    const [, second = 0, third = 0] = rowEnds(format, text);
    const without = Buffer.concat([bytes.subarray(0, second), bytes.subarray(third)]);
    expect((await verify(without)).bad?.sequence).toBe(4);
    const doubled = Buffer.concat([bytes.subarray(0, third), bytes.subarray(second)]);
    expect((await verify(doubled)).bad?.sequence).toBe(3);
    expect((await verify(bytes.subarray(0, -1))).bad?.sequence).toBe(HARD.length);
  });

  test("goes on where an earlier one ended, hash by hash", async () => {
    const { told } = await exported(format);
    const later = await exported(format, { after: 2 });
    const verdict = await verify(later.text);
    expect(verdict).toMatchObject({ rows: HARD.length - 2, first: { sequence: 3 }, bad: null });
    expect(later.told.last).toEqual(told.last);
  });
});

test("an export of nothing is not taken for a whole one", async () => {
  const { text, told } = await exported("csv", { since: new Date(Date.now() + 60_000) });
  expect(told.rows).toBe(0);
  expect((await verify(text)).bad).not.toBeNull();
  expect((await verify("")).bad).not.toBeNull();
});

test("the database and an export agree about a row that was changed past the triggers", async () => {
  await using own = await openPlatformDatabase();
  const em = own.orm.em;
  for (let written = 0; written < 4; written += 1) {
    const event = { type: "SIGNED_OUT", detail: {} } as const;
    await em.fork().transactional(async (tx) => record(tx, ACTOR, event));
  }
  await own.sql(`alter table platform.audit_event disable trigger user;
    update platform.audit_event set actor_name = 'opt' where sequence = 3`);
  expect(await verifyAuditChain(em.fork())).toBe(3n);
  const told: Exported = { rows: 0, first: null, last: null };
  const text = Readable.from(exportTrail(em.fork(), {}, "jsonl", told)).map(Buffer.from);
  expect((await verifyExport(text)).bad?.sequence).toBe(3);
});

test("the chain is verified, and exported, while others write", async () => {
  let reading = true;
  const writers = Array.from({ length: 4 }, async () => {
    // Past ten rows an order by text would show: each writes three at least.
    for (let written = 0; reading || written < 3; written += 1)
      await write(ACTOR, { type: "SIGNED_OUT", detail: {} });
  });
  const verdicts = [];
  for (let round = 0; round < 5; round += 1) {
    verdicts.push(await verifyAuditChain(platform.orm.em.fork()));
    verdicts.push((await verify((await exported("jsonl")).text, 65_536)).bad);
  }
  reading = false;
  await Promise.all(writers);
  expect(verdicts).toEqual(verdicts.map(() => null));
  const { rows, bad } = await verify((await exported("csv")).text, 65_536);
  expect([bad, rows > 10]).toEqual([null, true]);
});

/** Where each row of an export ends, in bytes; a quoted cell may hold ends of lines. */
function rowEnds(format: ExportFormat, text: string): number[] {
  const rows = format === "jsonl" ? /^\{[^\n]*\}\n/gm : /^\d+,\d{4}-[\s\S]*?,[0-9a-f]{64}\n/gm;
  return [...text.matchAll(rows)].map(({ index, 0: row }) =>
    Buffer.byteLength(text.slice(0, index + row.length)),
  );
}
