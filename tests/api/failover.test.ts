import { createClient } from "graphql-ws";
import pg from "pg";
import { expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { openClient } from "../../src/client/client.ts";
import { openTestApi } from "../kit/api.ts";
import { EVENTS, PROVISION } from "../kit/documents.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatformOnServer } from "../kit/platform-on-server.ts";
import { provisionRequest } from "../kit/tenants.ts";
import { FollowOperation } from "./documents.ts";

/** What happens after the effect of a phase, once. */
let afterEffect: (() => Promise<void>) | undefined;
const takeAfterEffect = async (phase: string) => {
  if (phase !== "DATABASE_CREATED") return;
  const effect = afterEffect;
  afterEffect = undefined;
  await effect?.();
};
const world = perFile(() => openPlatformOnServer({ afterEffect: takeAfterEffect }));
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));

const socketUrl = () => api.url.replace(/^http/, "ws");

/** The client that the README shows, with what it is told. */
function readmeClient(sockets: unknown[] = []) {
  const client = createClient({
    url: socketUrl(),
    connectionParams: async () => ({ authorization: `Bearer ${admin.token}` }),
    shouldRetry: () => true,
    webSocketImpl: class extends WebSocket {
      constructor(...args: ConstructorParameters<typeof WebSocket>) {
        super(...args);
        sockets.push(this);
      }
    },
  });
  const follow = (id: string) => {
    const variables: Record<string, unknown> = { id, after: null };
    const seen: number[] = [];
    const { promise, resolve } = Promise.withResolvers<string>();
    // biome-ignore lint/suspicious/noExplicitAny: whatever arrives is looked at
    client.subscribe<any>(
      { query: EVENTS, variables },
      {
        next: ({ data, errors }) => {
          if (!data) return resolve(`failed: ${JSON.stringify(errors)}`);
          variables.after = data.operationEvents.cursor;
          seen.push(data.operationEvents.sequence);
        },
        error: (reason) => resolve(`error: ${JSON.stringify(reason)}`),
        complete: () => resolve("complete"),
      },
    );
    return { seen, end: promise };
  };
  return { client, follow };
}

const start = async (): Promise<string> => {
  const { provisionTenant } = await admin.ask(PROVISION, { input: provisionRequest() });
  return provisionTenant.operation.id;
};

const whole = (seen: readonly number[]) => seen.map((_, at) => at + 1);

test("followers outlive the platform database over the same socket and stream", async () => {
  const away = Promise.withResolvers<void>();
  const back = Promise.withResolvers<void>();
  afterEffect = async () => {
    await world.server.stop();
    away.resolve();
    await back.promise;
  };
  const sockets: WebSocket[] = [];
  const readme = readmeClient(sockets);
  const id = await start();
  const early = readme.follow(id);
  const query = `subscription { operationEvents(operationId: "${id}") { sequence operation { state } } }`;
  const stream = fetch(api.url, {
    method: "POST",
    body: JSON.stringify({ query }),
    headers: {
      "content-type": "application/json",
      accept: "text/event-stream",
      authorization: `Bearer ${admin.token}`,
    },
  }).then((answer) => answer.text());
  const states: string[] = [];
  const all = (async () => {
    for await (const { operationUpdated } of admin.follow(
      "subscription { operationUpdated { state tenant { slug } } }",
    )) {
      states.push(operationUpdated.state);
      if (operationUpdated.state === "SUCCEEDED") return;
    }
  })();
  const own = openClient({ url: api.url, token: () => admin.token });
  const owned = (async () => {
    const seen: number[] = [];
    for await (const { operationEvents } of own.subscribe(
      FollowOperation,
      { operationId: id },
      (data) => data.operationEvents.cursor,
    ))
      seen.push(operationEvents.sequence);
    return seen;
  })();

  await away.promise;
  // Whoever comes while it is away is let in behind it.
  const late = readme.follow(id);
  await vi.waitFor(() => expect(admin.ask("{ me { role } }")).rejects.toThrow("E_UNAVAILABLE"));
  await world.server.restart();
  back.resolve();

  expect(await Promise.all([early.end, late.end])).toEqual(["complete", "complete"]);
  await all;
  expect(states.at(-1)).toBe("SUCCEEDED");
  expect(early.seen).toEqual(whole(early.seen));
  expect(late.seen).toEqual(early.seen);
  expect(sockets).toHaveLength(1);
  const sequences = [...(await stream).matchAll(/"sequence":(\d+)/g)].map(([, n]) => Number(n));
  expect(sequences).toEqual(early.seen);
  expect(await owned).toEqual(early.seen);
  await readme.client.dispose();
  await own.close();
});

test("a read that is refused for good ends followers with an error, and not as if all were told", async () => {
  const locked = Promise.withResolvers<void>();
  const refused = Promise.withResolvers<void>();
  afterEffect = async () => {
    locked.resolve();
    await refused.promise;
  };
  const readme = readmeClient();
  const id = await start();
  const follower = readme.follow(id);
  await locked.promise;
  const platform = new pg.Client({ connectionString: world.platform.databaseUrl });
  await platform.connect();
  await platform.query("begin");
  await platform.query("lock table platform.operation_event in access exclusive mode");
  // Followers look each 5 seconds, whether woken or not.
  await vi.waitFor(async () => {
    const { rowCount } = await world.asAdmin((client) =>
      client.query(
        `select pg_cancel_backend(pid) from pg_stat_activity
         where application_name = 'tenantry reader' and wait_event_type = 'Lock'`,
      ),
    );
    expect(rowCount).toBeGreaterThan(0);
  }, 30_000);
  expect(await follower.end).toMatch(/^error: .*E_DATABASE_REFUSED/);
  await platform.end();
  refused.resolve();
  await readme.client.dispose();
});
