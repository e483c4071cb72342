import { expect, test } from "vitest";
import { AuditEventEntity } from "../../src/audit/audit-event.entity.ts";
import { type AuditEvent, AuditEventType } from "../../src/audit/events.ts";
import { type AuditActor, record } from "../../src/audit/record.ts";
import { chainHead, hasLink, verifyAuditChain } from "../../src/audit/verify.ts";
import { newId } from "../../src/kernel/ids.ts";
import { freshName } from "../kit/database.ts";
import { perTest } from "../kit/lifetime.ts";
import { openPlatformDatabase } from "../kit/platform-database.ts";

const ACTOR: AuditActor = { kind: "OS_USER", id: "ops@host", name: "ops", address: null };
const fact = (family = newId()): AuditEvent => ({
  type: "REFRESH_TOKEN_REUSED",
  detail: { family },
});

const platform = perTest(openPlatformDatabase);

const write = (event = fact()) =>
  platform.orm.em.fork().transactional(async (em) => record(em, ACTOR, event));

const writeMany = async (count: number) => {
  for (let written = 0; written < count; written++) await write();
};

const verify = () => verifyAuditChain(platform.orm.em.fork());

/** Changes rows as somebody who owns the database can. */
const tamper = (sql: string) =>
  platform.sql(`alter table platform.audit_event disable trigger user; ${sql};
    alter table platform.audit_event enable trigger user`);

test("numbers the rows without a gap, in the order of the commits", async () => {
  await writeMany(2);
  await platform.orm.em
    .fork()
    .transactional(async (em) => {
      record(em, ACTOR, fact());
      await em.flush();
      throw new Error("rolled back");
    })
    .catch(() => undefined);
  await write();
  const rows = await platform.orm.em
    .fork()
    .find(AuditEventEntity, {}, { orderBy: { sequence: "asc" } });
  expect(rows.map((row) => row.sequence)).toEqual([1n, 2n, 3n]);
  expect(rows[0]?.prevHash).toBe("0".repeat(64));
  expect(rows[2]?.prevHash).toBe(rows[1]?.hash);
  expect(await verify()).toBeNull();
});

test("is whole while it is empty", async () => {
  expect(await verify()).toBeNull();
});

test("chains what many transactions write at once", async () => {
  await Promise.all(
    Array.from({ length: 40 }, () =>
      platform.orm.em.fork().transactional(async (em) => {
        record(em, ACTOR, fact());
        record(em, ACTOR, fact());
      }),
    ),
  );
  expect(await verify()).toBeNull();
  expect(await platform.sql("select max(sequence)::int as max from platform.audit_event")).toEqual([
    { max: 80 },
  ]);
});

test("holds the chain only at the commit, so that writers do not wait for one another", async () => {
  await platform.orm.em.fork().transactional(async (em) => {
    record(em, ACTOR, fact());
    await em.flush();
    await write();
  });
  expect(await verify()).toBeNull();
});

test("reads the same in every time zone", async () => {
  await writeMany(2);
  await platform.orm.em.fork().transactional(async (em) => {
    await em.execute("set local time zone 'Asia/Kathmandu'");
    expect(await verifyAuditChain(em)).toBeNull();
  });
});

test.each([
  ["a changed detail", "update platform.audit_event set detail = '{}' where sequence = 3", 3n],
  ["a changed actor", "update platform.audit_event set actor_id = 'x' where sequence = 2", 2n],
  [
    "a changed time",
    "update platform.audit_event set at = at - interval '1 s' where sequence = 4",
    4n,
  ],
  ["a removed row", "delete from platform.audit_event where sequence = 3", 4n],
  ["a removed first row", "delete from platform.audit_event where sequence = 1", 2n],
  ["a removed last row", "delete from platform.audit_event where sequence = 5", 5n],
  ["removed rows, all of them", "delete from platform.audit_event", 1n],
  [
    "a changed row with a hash to match",
    `update platform.audit_event e set actor_id = 'x' where sequence = 3;
     update platform.audit_event e set hash = platform.audit_hash(prev_hash, sequence, e) where sequence = 3`,
    4n,
  ],
  [
    "a row inserted at the end",
    `insert into platform.audit_event (id, sequence, type, actor_kind, actor_id, actor_name, prev_hash)
     select gen_random_uuid(), 6, 'SIGNED_OUT', 'USER', 'x', 'x', hash from platform.audit_event where sequence = 5`,
    6n,
  ],
])("finds %s", async (_what, change, sequence) => {
  await writeMany(5);
  await tamper(change);
  expect(await verify()).toBe(sequence);
});

test("a link that was noted tells of removed newest rows, and of a chain made anew", async () => {
  await writeMany(5);
  const em = platform.orm.em.fork();
  const noted = await chainHead(em);
  if (noted === null) throw new Error("There is no head");
  await writeMany(1);
  expect(await hasLink(em, noted)).toBe(true);
  await tamper(`delete from platform.audit_event where sequence > 3;
    alter table platform.audit_head disable trigger user;
    update platform.audit_head set (sequence, hash) =
      (select sequence, hash from platform.audit_event where sequence = 3);
    alter table platform.audit_head enable trigger user`);
  expect(await verify()).toBeNull();
  expect(await hasLink(em, noted)).toBe(false);
  await writeMany(3);
  expect(await verify()).toBeNull();
  expect(await hasLink(em, noted)).toBe(false);
});

test.each([
  "update platform.audit_event set actor_id = 'x'",
  "update platform.audit_event set sequence = null, hash = null, prev_hash = null",
  "delete from platform.audit_event",
  "truncate platform.audit_event",
  "delete from platform.audit_head",
  "truncate platform.audit_head",
  "update platform.audit_head set sequence = 0, hash = repeat('0', 64)",
  "set session_replication_role = replica; delete from platform.audit_event",
  `create role ROLE; grant usage on schema platform to ROLE;
   grant all on all tables in schema platform to ROLE;
   set role ROLE; delete from platform.audit_event`,
])("refuses: %s", async (change) => {
  await write();
  const role = freshName("clerk_");
  await expect(platform.sql(change.replaceAll("ROLE", role))).rejects.toThrow(/append-only/);
  expect(await verify()).toBeNull();
});

test("takes neither a sequence nor a hash from the one who inserts", async () => {
  await platform.sql(`insert into platform.audit_event
    (id, sequence, type, actor_kind, actor_id, actor_name, prev_hash, hash)
    values (gen_random_uuid(), 99, 'SIGNED_OUT', 'USER', 'x', 'x', 'y', 'z')`);
  expect(await verify()).toBeNull();
});

test("does not let a transaction change what it has just inserted", async () => {
  await expect(
    platform.orm.em.fork().transactional(async (em) => {
      record(em, ACTOR, fact());
      await em.flush();
      await em.execute("update platform.audit_event set sequence = 7");
    }),
  ).rejects.toThrow(/append-only/);
});

test("records only in a transaction", () => {
  expect(() => record(platform.orm.em.fork(), ACTOR, fact())).toThrow(/in the transaction/);
});

test("refuses a detail that the event does not know", async () => {
  const event = { type: "SIGNED_OUT", detail: { password: "x" } } as unknown as AuditEvent;
  await expect(write(event)).rejects.toThrow(/password/);
});

test("names every fact in the past tense, and says in a sentence what it tells", () => {
  const types = Object.entries(AuditEventType.meta()?.values ?? {});
  expect(types.length).toBeGreaterThan(15);
  for (const [type, description] of types) {
    expect(type).toMatch(/(ED|SENT|SET|IN|OUT|UP|TAKEN_BACK|BEGUN)$/);
    expect(description).toMatch(/^[A-Z].*\.$/);
  }
});
