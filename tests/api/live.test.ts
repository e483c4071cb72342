import { getIntrospectionQuery } from "graphql";
import { afterAll, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { openApi } from "../../src/api/transport/server.ts";
import { FOLLOWED_BY_ONE_CALLER } from "../../src/api/transport/shared-answers.ts";
import { openClient } from "../../src/client/client.ts";
import { openTestApi } from "../kit/api.ts";
import { TestClock } from "../kit/iam.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { FollowOperation, ProvisionTenant } from "./documents.ts";

const time = new TestClock();
const world = perFile(() => openPlatform({ replace: { clock: time.now }, worker: true }));
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));
const client = perFile(() => openClient({ url: api.url, token: () => admin.token }));
afterAll(() => client.close());

const ALL = "subscription { operationUpdated { id state } }";

async function provision(slug: string): Promise<string> {
  const input = { slug, name: slug, adminEmail: `${slug}@example.com`, initialLaboratory: "Main" };
  const { provisionTenant } = await client.execute(ProvisionTenant, { input });
  if (provisionTenant.__typename !== "ProvisionTenantPayload") throw new Error("not started");
  return provisionTenant.operation.id;
}

/** A socket without a client library around it. */
function connect(token: string | null, options: { origin?: string } = {}, url: string = api.url) {
  const socket = new WebSocket(url.replace("http", "ws"), "graphql-transport-ws", options);
  const messages: { type: string; id?: string; payload?: unknown }[] = [];
  const payload = token === null ? {} : { authorization: `Bearer ${token}` };
  socket.on("open", () => socket.send(JSON.stringify({ type: "connection_init", payload })));
  socket.on("message", (data) => messages.push(JSON.parse(String(data))));
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  const refused = new Promise<string>((resolve) =>
    socket.on("error", ({ message }) => resolve(message)),
  );
  const send = (id: string, query: string) =>
    socket.send(JSON.stringify({ id, type: "subscribe", payload: { query } }));
  const acknowledged = () =>
    vi.waitFor(() => expect(messages[0]).toEqual({ type: "connection_ack" }), 30_000);
  return { socket, messages, closed, refused, send, acknowledged };
}

const followers = (count: number) =>
  vi.waitFor(() => expect(world.platform.feed.followers).toBe(count), 30_000);

const asSse = (query: string) => ({
  method: "POST",
  body: JSON.stringify({ query }),
  headers: {
    "content-type": "application/json",
    accept: "text/event-stream",
    authorization: `Bearer ${admin.token}`,
  },
});

describe("an operation's events", () => {
  test("arrive once, in order, and complete, over lost connections", async () => {
    const operationId = await provision("live-one");
    const sockets = new Set<WebSocket>();
    vi.stubGlobal(
      "WebSocket",
      class extends WebSocket {
        constructor(...args: ConstructorParameters<typeof WebSocket>) {
          super(...args);
          sockets.add(this);
        }
      },
    );
    const client = openClient({ url: api.url, token: () => admin.token });
    const sequences: number[] = [];
    let lost = 0;
    for await (const { operationEvents } of client.subscribe(
      FollowOperation,
      { operationId },
      (data) => data.operationEvents.cursor,
    )) {
      sequences.push(operationEvents.sequence);
      if (sequences.length % 12 !== 5 || lost === 2) continue;
      const [socket, ...more] = sockets;
      expect(more).toEqual([]);
      if (socket?.readyState === WebSocket.OPEN) lost += 1;
      socket?.terminate();
      sockets.clear();
    }
    await client.close();
    vi.unstubAllGlobals();
    expect(lost).toBe(2);
    expect(sequences).toEqual(sequences.map((_, index) => index + 1));
    expect(sequences.length).toBeGreaterThan(20);
  });

  test("complete at once for whoever has seen the last one", async () => {
    const operationId = await provision("live-two");
    let after = "";
    const all = client.subscribe(FollowOperation, { operationId });
    for await (const { operationEvents } of all) after = operationEvents.cursor;
    const rest = client.subscribe(FollowOperation, { operationId, after });
    expect(await rest.next()).toEqual({ value: undefined, done: true });
    const other = client.subscribe(FollowOperation, {
      operationId: await provision("live-three"),
      after,
    });
    await expect(other.next()).rejects.toMatchObject({ code: "E_INVALID_CURSOR" });
  });

  test("of an unknown operation are refused with a code", async () => {
    for (const operationId of ["nonsense", "01a1fbed-b29a-70d2-8c55-85317a02f6a4"]) {
      const events = client.subscribe(FollowOperation, { operationId });
      await expect(events.next()).rejects.toMatchObject({ code: "E_OPERATION_NOT_FOUND" });
    }
  });

  test("come as server-sent events, too", async () => {
    const id = await provision("live-four");
    const query = `subscription { operationEvents(operationId: "${id}") { sequence } }`;
    const answer = await fetch(api.url, asSse(query));
    // Proxies hold back what they are not told to pass on at once.
    expect(answer.headers.get("x-accel-buffering")).toBe("no");
    expect(answer.headers.get("cache-control")).toBe("no-cache, no-transform");
    const text = await answer.text();
    expect(text).toContain('{"data":{"operationEvents":{"sequence":1}}}');
    expect(text.trimEnd()).toMatch(/event: complete\ndata:$/);
  });
});

describe("a socket", () => {
  test("without a good token is closed with a code that clients may retry", async () => {
    expect(await connect(null).closed).toBe(4403);
    expect(await connect("a.b.c").closed).toBe(4403);
  });

  test("from a page of another origin is refused before it is opened", async () => {
    const { refused } = connect(admin.token, { origin: "https://evil.example.com" });
    expect(await refused).toContain("403");
  });

  test("survives a query that is refused, and runs the next", async () => {
    const { socket, messages, send, acknowledged } = connect(admin.token);
    await acknowledged();
    send("bad", "{ nope");
    send("worse", `{ ${Array.from({ length: 40 }, (_, i) => `a${i}: __typename`).join(" ")} }`);
    send("good", "{ me { role } }");
    await vi.waitFor(
      () => expect(messages.filter(({ type }) => type !== "complete")).toHaveLength(4),
      30_000,
    );
    const ends = Object.fromEntries(messages.slice(1).map(({ id, type }) => [id, type]));
    expect(ends).toMatchObject({ bad: "error", worse: "error", good: "complete" });
    socket.close();
  });

  test("carries a bounded number of operations", async () => {
    const { socket, messages, send, acknowledged } = connect(admin.token);
    await acknowledged();
    for (let at = 0; at < 103; at += 1) send(`s${at}`, ALL);
    await followers(100);
    expect(messages.filter(({ type }) => type === "error")).toHaveLength(3);
    socket.terminate();
    await followers(0);
  });

  test("that sends pings without end is closed", async () => {
    const ofProtocol = connect(admin.token);
    await ofProtocol.acknowledged();
    for (let at = 0; at < 600; at += 1) ofProtocol.socket.send('{"type":"ping"}');
    expect(await ofProtocol.closed).toBe(1013);
    const ofSocket = connect(admin.token);
    await ofSocket.acknowledged();
    for (let at = 0; at < 600; at += 1) ofSocket.socket.ping();
    // Where the pongs pile up, ws itself lets go, without a code.
    expect([1006, 1013]).toContain(await ofSocket.closed);
  });

  test("that reads nothing is let go, with what waits for it", async () => {
    const api = await openApi(world.platform, { sockets: { unread: 100_000 } });
    const { socket, send, acknowledged } = connect(admin.token, {}, api.url);
    await acknowledged();
    send("all", ALL);
    await followers(1);
    socket.pause();
    for (let at = 0; at < 90; at += 1) send(`q${at}`, getIntrospectionQuery());
    await followers(0);
    socket.terminate();
    await api.close();
  });

  test("lets go of a subscription that is completed, however quiet it is", async () => {
    const { socket, send, acknowledged } = connect(admin.token);
    await acknowledged();
    send("quiet", ALL);
    await followers(1);
    socket.send(JSON.stringify({ id: "quiet", type: "complete" }));
    await followers(0);
    socket.close();
  });

  test("is closed when its token expires", async () => {
    time.pass(-896);
    const { token } = await api.as("ADMINISTRATOR");
    time.pass(896);
    const { send, acknowledged, closed } = connect(token);
    await acknowledged();
    send("all", ALL);
    expect(await closed).toBe(4403);
    await followers(0);
  });
});

describe("many who follow every operation", () => {
  const dashboard = (role: string, filter = "") =>
    `subscription ${role} { operationUpdated${filter} { id state phases { name } tenant { slug } } }`;

  test("cost one read an update, and one answer for each question", async () => {
    const id = await provision("live-crowd");
    for await (const _ of client.subscribe(FollowOperation, { operationId: id }));
    const reader = await api.as("READONLY");
    const crowd = [connect(admin.token), connect(admin.token), connect(reader.token)];
    await Promise.all(crowd.map(({ acknowledged }) => acknowledged()));
    for (const { send } of crowd) {
      for (let at = 0; at < 40; at += 1) send(`s${at}`, dashboard("Board"));
      send("other", dashboard("Active", "(filter: { active: true })"));
    }
    await followers(123);
    const read = vi.spyOn(world.platform.reader.em.getConnection(), "execute");
    const queries = () => read.mock.calls.map(([query]) => String(query));
    const em = world.platform.orm.em.fork();
    await em.execute(
      `with changed as (update platform.operation set last_sequence = last_sequence + 1, updated_at = now()
       where id = ? returning id) select pg_notify('tenantry_operation', id::text) from changed`,
      [id],
    );
    const heard = ({ messages }: (typeof crowd)[number]) =>
      messages.filter(({ type }) => type === "next");
    await vi.waitFor(() => expect(crowd.map((each) => heard(each).length)).toEqual([40, 40, 40]));
    const [first, , other] = crowd.map((each) => heard(each).map(({ payload }) => payload));
    expect(first?.[0]).toMatchObject({ data: { operationUpdated: { id, state: "SUCCEEDED" } } });
    for (const payload of [...(first ?? []), ...(other ?? [])]) expect(payload).toEqual(first?.[0]);
    const about = (table: string) =>
      queries().filter((query) => query.startsWith("select") && query.includes(`"${table}"`));
    expect(about("operation")).toHaveLength(1);
    // One batch for both roles, who do not share an answer.
    expect([about("operation_phase"), about("tenant")].map(({ length }) => length)).toEqual([1, 1]);
    read.mockRestore();
    for (const { socket } of crowd) socket.terminate();
    await followers(0);
  });

  test("are bounded for each caller", async () => {
    const { token } = await api.as("ADMINISTRATOR");
    const sockets = Array.from({ length: FOLLOWED_BY_ONE_CALLER / 100 + 1 }, () => connect(token));
    await Promise.all(sockets.map(({ acknowledged }) => acknowledged()));
    for (const { send } of sockets.slice(1)) {
      for (let at = 0; at < 100; at += 1) send(`s${at}`, ALL);
    }
    await followers(FOLLOWED_BY_ONE_CALLER);
    const [late] = sockets;
    late?.send("late", ALL);
    await vi.waitFor(() => expect(JSON.stringify(late?.messages)).toContain("E_RATE_LIMITED"));
    sockets[1]?.socket.terminate();
    await followers(FOLLOWED_BY_ONE_CALLER - 100);
    late?.send("later", ALL);
    await followers(FOLLOWED_BY_ONE_CALLER - 99);
    for (const { socket } of sockets) socket.terminate();
    await followers(0);
  });
});

describe("a server that is closed", () => {
  test("ends sockets and event streams, and says that they may come again", async () => {
    const { platform } = world;
    const api = await openApi(platform);
    const { acknowledged, closed } = connect(admin.token, {}, api.url);
    await acknowledged();
    const stream = fetch(api.url, asSse(ALL)).then((answer) => answer.text());
    await followers(1);
    const since = Date.now();
    await api.close();
    expect(Date.now() - since).toBeLessThan(2_000);
    expect(await closed).toBe(1001);
    expect(await stream).toMatch(/E_UNAVAILABLE[\s\S]*event: complete/);
    await followers(0);
    await expect(fetch(api.url)).rejects.toThrow();
  });
});

describe("a caller whose role changes", () => {
  test("loses sockets and event streams within five seconds", async () => {
    const { acknowledged, closed } = connect(admin.token);
    await acknowledged();
    const stream = fetch(api.url, asSse(ALL)).then((answer) => answer.text());
    await followers(1);
    const { orm } = world.platform;
    const since = Date.now();
    await orm.em.fork().execute("update platform.platform_user set role = 'SUPPORT'");
    expect(await closed).toBe(4403);
    expect(await stream).toMatch(/E_UNAUTHENTICATED[\s\S]*event: complete/);
    expect(Date.now() - since).toBeLessThan(5_000);
    await orm.em.fork().execute("update platform.platform_user set role = 'ADMINISTRATOR'");
    await followers(0);
  });

  test("cannot begin anything more on a socket that is open", async () => {
    const { messages, acknowledged, closed, send } = connect(admin.token);
    await acknowledged();
    const em = world.platform.orm.em.fork();
    await em.execute("update platform.platform_user set role = 'SUPPORT'");
    send("late", "{ me { role } }");
    expect(await closed).toBe(4403);
    expect(messages.filter(({ type }) => type === "next")).toEqual([]);
    await em.execute("update platform.platform_user set role = 'ADMINISTRATOR'");
  });
});
