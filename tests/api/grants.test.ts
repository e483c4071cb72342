import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { GraphQLField } from "graphql";
import { createClient } from "graphql-ws";
import { describe, expect, test, vi } from "vitest";
import { guardedFields } from "../../src/api/access/grants-page.ts";
import { schema } from "../../src/api/schema.ts";
import { ROLES, type Role } from "../../src/iam/roles.ts";
import { PLATFORM_AUDIENCE } from "../../src/iam/tokens/access-token.ts";
import { createServiceToken, revokeServiceToken } from "../../src/iam/tokens/service-tokens.ts";
import { PlatformUserEntity } from "../../src/iam/users/platform-user.entity.ts";
import { newId } from "../../src/kernel/ids.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { type Caller, openTestApi } from "../kit/api.ts";
import { freshName } from "../kit/database.ts";
import { TestClock } from "../kit/iam.ts";
import { perFile } from "../kit/lifetime.ts";
import { minimalCall } from "../kit/minimal-call.ts";
import { openPlatform } from "../kit/platform.ts";
import { OPERATOR, provisionRequest } from "../kit/tenants.ts";

// Every root field of the schema is called by every kind of caller, and what comes of it compared
// with docs/grants.md, which people read and review. A field that is not on that page is a fault.

const MEMBER_READERS: readonly Role[] = ["ADMINISTRATOR", "PROVISIONER", "SUPPORT"];
const PAGE = await readFile(join(import.meta.dirname, "../../docs/grants.md"), "utf8");

interface Row {
  readonly name: string;
  readonly door: string;
  readonly open: boolean;
  readonly granted: readonly Role[];
}

const rows: Row[] = PAGE.split("\n").flatMap((line) => {
  const [, head, needs, ...cells] = line.split("|").map((cell) => cell.trim());
  const [, name, door] = /^`(\w+)` \((\w+)\)$/.exec(head ?? "") ?? [];
  if (name === undefined || door === undefined) return [];
  const granted = ROLES.filter((_, index) => cells[index] === "yes");
  return [{ name, door, open: needs === "open to everybody", granted }];
});

const time = new TestClock();
const world = perFile(() => openPlatform({ replace: { clock: time.now } }));
const api = perFile(() => openTestApi(world));

/** A user of their own for every call: some fields end the session that calls them. */
async function tokenOf(role: Role, { disabled = false, ageSeconds = 0 } = {}): Promise<string> {
  const { orm, keys } = world.platform;
  const now = new Date();
  const id = newId();
  await orm.em.fork().insert(PlatformUserEntity, {
    id,
    email: `${freshName("user")}@tenantry.test`,
    name: role,
    role,
    passwordHash: "none",
    mustChangePassword: false,
    oneTimePasswordExpiresAt: null,
    disabledAt: disabled ? now : null,
    createdAt: now,
    updatedAt: now,
  });
  time.pass(-ageSeconds);
  const content = { audience: PLATFORM_AUDIENCE, subject: id, claims: {} };
  const { token } = await keys.sign(content).finally(() => time.pass(ageSeconds));
  return token;
}

const ports = () => ({ em: world.platform.orm.em, clock: world.platform.clock });

const serviceToken = () =>
  createServiceToken(ports(), OPERATOR, { name: "a script", role: "PROVISIONER" });

const CALLERS: Readonly<Record<string, (row: Row) => Promise<[Caller, Verdict]>>> = {
  ...Object.fromEntries(
    ROLES.map((role) => [
      role,
      async ({ granted }: Row) => [
        api.withToken(await tokenOf(role)),
        granted.includes(role) ? "ALLOWED" : "E_FORBIDDEN",
      ],
    ]),
  ),
  "a script with a provisioner's token": async ({ granted }) => [
    api.withToken((await serviceToken()).value),
    granted.includes("PROVISIONER") ? "ALLOWED" : "E_FORBIDDEN",
  ],
  "a script whose token was revoked": async () => {
    const { value, serviceToken: token } = await serviceToken();
    await revokeServiceToken(ports(), OPERATOR, token.id);
    return [api.withToken(value), "E_UNAUTHENTICATED"];
  },
  "nobody, without a token": async ({ open }) => [
    api.anonymous(),
    open ? "ALLOWED" : "E_UNAUTHENTICATED",
  ],
  "an administrator whose token has expired": async () => [
    api.withToken(await tokenOf("ADMINISTRATOR", { ageSeconds: 16 * 60 })),
    "E_UNAUTHENTICATED",
  ],
  "an administrator who was disabled": async () => [
    api.withToken(await tokenOf("ADMINISTRATOR", { disabled: true })),
    "E_UNAUTHENTICATED",
  ],
};

type Verdict = "ALLOWED" | "E_FORBIDDEN" | "E_UNAUTHENTICATED";
const REFUSALS: readonly unknown[] = ["E_FORBIDDEN", "E_UNAUTHENTICATED"];

/** What became of a call: refused for who calls, or let in, whatever was answered inside. */
const verdictOf = (
  errors: readonly { readonly extensions?: Record<string, unknown> }[] | undefined,
): Verdict => {
  const codes = (errors ?? []).map(({ extensions }) => extensions?.code);
  return (codes.find((code) => REFUSALS.includes(code)) as Verdict) ?? "ALLOWED";
};

const fieldOf = ({ door, name }: Row) =>
  // biome-ignore lint/suspicious/noExplicitAny: whatever the schema's fields resolve from
  schema.getRootType(door as never)?.getFields()[name] as GraphQLField<any, any>;

test("the page has every field of the schema", () => {
  expect(rows.map(({ door, name }) => `${door} ${name}`)).toEqual(
    guardedFields(schema).map(({ door, name }) => `${door} ${name}`),
  );
});

describe.each(Object.entries(CALLERS))("%s", (_, callerFor) => {
  test.each(rows)("$door $name", async (row) => {
    const [caller, expected] = await callerFor(row);
    const call = row.door === "subscription" ? subscribe : request;
    expect(await call(row, caller)).toBe(expected);
  });
});

test("a first administrator's email is seen, and finds the tenant, for readers of members", async () => {
  const request = provisionRequest({ adminEmail: "ada.lovelace@example.com" });
  const options = { dryRun: false, idempotencyKey: null };
  await startOnTenant(
    world.platform,
    OPERATOR,
    world.platform.operations.provisionTenant,
    request,
    options,
  );
  const query = `{
    tenant(by: { slug: "${request.slug}" }) { adminEmail operations { nodes { tenant { adminEmail } } } }
    tenants(filter: { text: "lovelace" }) { totalCount nodes { slug } }
  }`;
  const seen = new Map<Role, unknown>();
  for (const role of ROLES) {
    const { data } = await api.withToken(await tokenOf(role)).send(query);
    seen.set(role, [data.tenant.adminEmail, data.tenants.nodes.length, data.tenants.totalCount]);
    if (!MEMBER_READERS.includes(role)) expect(JSON.stringify(data)).not.toContain("lovelace");
  }
  for (const [role, answer] of seen) {
    const readable = MEMBER_READERS.includes(role);
    expect([role, answer]).toEqual([
      role,
      readable ? ["ada.lovelace@example.com", 1, 1] : [null, 0, 0],
    ]);
  }
});

async function request(row: Row, caller: Caller): Promise<Verdict> {
  const { errors } = await caller.send(minimalCall(row.door, fieldOf(row)));
  return verdictOf(errors);
}

/** Subscribes over WebSocket; who is let in is answered by the operation that then begins, and its tenant. */
async function subscribe(row: Row, caller: Caller): Promise<Verdict> {
  const { platform } = world;
  const client = createClient({
    url: api.url.replace(/^http/, "ws"),
    connectionParams: caller.token === null ? {} : { authorization: `Bearer ${caller.token}` },
    retryAttempts: 0,
  });
  const before = platform.feed.followers;
  const results = client.iterate({ query: minimalCall("subscription", fieldOf(row)) });
  let settled = false;
  const first = results.next().finally(() => {
    settled = true;
  });
  first.catch(() => {});
  await vi.waitFor(() => expect(settled || platform.feed.followers > before).toBe(true), 30_000);
  if (!settled) {
    const options = { dryRun: false, idempotencyKey: null };
    await startOnTenant(
      platform,
      OPERATOR,
      platform.operations.provisionTenant,
      provisionRequest(),
      options,
    );
  }
  try {
    const { value } = await first;
    return verdictOf(value?.errors as never);
  } catch (closed) {
    const code = (closed as { code?: number }).code;
    if (code === 4401 || code === 4403) return "E_UNAUTHENTICATED";
    throw closed;
  } finally {
    await results.return?.();
    await client.dispose();
  }
}
