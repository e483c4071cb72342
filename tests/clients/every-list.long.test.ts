import { print } from "graphql";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { CONNECTIONS, fillLists } from "../api/_listed.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { type Ask, LISTS, type Owners } from "./_documents.ts";
import { idsOf, pageThrough, type ReadPage } from "./_pages.ts";
import { askApollo, askUrql, openApollo, openUrql } from "./_urql-apollo.ts";
import { openRelay, RELAY_LISTS } from "./relay.ts";

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));
const owners: Owners = { Tenant: "", Operation: "", DbServer: "" };
beforeAll(async () => void Object.assign(owners, await fillLists(world, api)));

type Name = keyof typeof LISTS;
const NAMES = Object.keys(LISTS).filter((name): name is Name => name in LISTS);

/** The ids of a whole list, without a client. */
async function wholeList(name: Name): Promise<string[]> {
  const ask: Ask = (document, variables) => admin.ask(print(document), variables);
  const [all] = await pageThrough(
    (page) => LISTS[name](ask, owners)({ ...page, first: 100 }),
    "forward",
  );
  return all ? idsOf(all) : [];
}

test("every list of the schema has a document and a fragment", () => {
  const lists = CONNECTIONS.map(({ list }) => list).sort();
  expect(Object.keys(LISTS).sort()).toEqual(lists);
  expect(Object.keys(RELAY_LISTS).sort()).toEqual(lists);
});

describe.each(["forward", "backward"] as const)("read %s", (way) => {
  const urql = perFile(() => openUrql(api, admin, false));
  const graphcache = perFile(() => openUrql(api, admin, true));
  const apollo = perFile(() => openApollo(api, admin));
  const relay = perFile(() => openRelay(admin));

  describe.each(NAMES)("%s", (name) => {
    let all: string[];
    beforeAll(async () => {
      all = await wholeList(name);
    });

    test("comes in pages with urql", async () => {
      const pages = await pageThrough(LISTS[name](askUrql(urql), owners), way);
      expect(pages.length).toBe(Math.ceil(all.length / 2));
      const inOrder = way === "forward" ? pages : pages.toReversed();
      expect(inOrder.flatMap(idsOf)).toEqual(all);
    });

    test.each<[string, () => ReadPage]>([
      ["urql with graphcache", () => LISTS[name](askUrql(graphcache), owners)],
      ["Apollo Client", () => LISTS[name](askApollo(apollo), owners)],
      ["Relay", () => RELAY_LISTS[name](relay, owners)],
    ])("grows in the cache of %s until it is whole", async (_client, reader) => {
      using warn = vi.spyOn(console, "warn");
      using error = vi.spyOn(console, "error");
      const states = await pageThrough(reader(), way);
      expect(states.map(idsOf)).toEqual(
        Array.from({ length: Math.ceil(all.length / 2) }, (_, page) =>
          way === "forward" ? all.slice(0, 2 * page + 2) : all.slice(-2 * page - 2),
        ),
      );
      expect([...warn.mock.calls, ...error.mock.calls]).toEqual([]);
    });
  });
});
