import type { ApolloClient, ObservableQuery } from "@apollo/client";
import { beforeEach, expect, test, vi } from "vitest";
import { register } from "../api/_tenant-operations.ts";
import { openTestApi } from "../kit/api.ts";
import { perTest } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { openApollo, openUrql } from "./_urql-apollo.ts";
import {
  LockDocument,
  type LockTenantInput,
  RenameDocument,
  TenantsDocument,
  type TenantsQuery,
  type TenantsQueryVariables,
  type UpdateTenantInput,
} from "./generated/graphql.ts";

const world = perTest(openPlatform);
const api = perTest(() => openTestApi(world));
const admin = perTest(() => api.as("ADMINISTRATOR"));
beforeEach(async () => {
  // The newest come first.
  for (const slug of ["watched-d", "watched-c", "watched-b", "watched-a"]) {
    await register(world, "ACTIVE", { slug });
  }
});

/** What a user interface shows of the tenants. */
const shown = ({ tenants }: TenantsQuery) =>
  tenants.edges.map(({ node }) => `${node.name}${node.lockedAt === null ? "" : ", locked"}`);

/** Waits until the newest list that a client told of is this one. */
const expectShown = (told: readonly string[][], tenants: string[]) =>
  expect.poll(() => told.at(-1)).toEqual(tenants);

/** Watches the list of tenants; every state of it is kept. */
function watchApollo(client: ApolloClient, variables: TenantsQueryVariables) {
  const query = client.watchQuery({ query: TenantsDocument, variables });
  const told: string[][] = [];
  query.subscribe((state) => {
    if (state.dataState === "complete") told.push(shown(state.data));
  });
  return { query, told };
}

/** The page's cursors, of the list that is watched now. */
function pageInfoOf(query: ObservableQuery<TenantsQuery, TenantsQueryVariables>) {
  const state = query.getCurrentResult();
  if (state.dataState !== "complete") throw new Error("the list is not there");
  return state.data.tenants.pageInfo;
}

test("Apollo Client's fetchMore joins what comes before and after to the watched list", async () => {
  const forward = watchApollo(openApollo(api, admin), { first: 2 });
  await expectShown(forward.told, ["watched-a", "watched-b"]);
  await forward.query.fetchMore({ variables: { after: pageInfoOf(forward.query).endCursor } });
  await expectShown(forward.told, ["watched-a", "watched-b", "watched-c", "watched-d"]);

  const backward = watchApollo(openApollo(api, admin), { last: 2 });
  await expectShown(backward.told, ["watched-c", "watched-d"]);
  await backward.query.fetchMore({ variables: { before: pageInfoOf(backward.query).startCursor } });
  await expectShown(backward.told, ["watched-a", "watched-b", "watched-c", "watched-d"]);
});

/** How a client watches the first two tenants, and sends the mutations. */
const CLIENTS = {
  "Apollo Client": () => {
    const client = openApollo(api, admin);
    const { told } = watchApollo(client, { first: 2 });
    const rename = async (input: UpdateTenantInput) =>
      (await client.mutate({ mutation: RenameDocument, variables: { input } })).data;
    const lock = async (input: LockTenantInput) =>
      (await client.mutate({ mutation: LockDocument, variables: { input } })).data;
    return { told, rename, lock };
  },
  "urql with graphcache": () => {
    const client = openUrql(api, admin, true);
    const told: string[][] = [];
    client.query(TenantsDocument, { first: 2 }).subscribe(({ data }) => {
      if (data) told.push(shown(data));
    });
    const rename = async (input: UpdateTenantInput) =>
      (await client.mutation(RenameDocument, { input }).toPromise()).data;
    const lock = async (input: LockTenantInput) =>
      (await client.mutation(LockDocument, { input }).toPromise()).data;
    return { told, rename, lock };
  },
};

test.each(Object.entries(CLIENTS))(
  "a mutation's payload changes the list that %s watches",
  async (name, watch) => {
    using sent = vi.spyOn(globalThis, "fetch");
    const { told, rename, lock } = watch();
    await expectShown(told, ["watched-a", "watched-b"]);
    const tenant = { slug: "watched-a" };

    expect((await rename({ tenant, name }))?.updateTenant.__typename).toBe("UpdateTenantPayload");
    await expectShown(told, [name, "watched-b"]);
    expect((await lock({ tenant, reason: "held" }))?.lockTenant.__typename).toBe(
      "LockTenantPayload",
    );
    await expectShown(told, [`${name}, locked`, "watched-b"]);
    expect(sent).toHaveBeenCalledTimes(3);
  },
);
