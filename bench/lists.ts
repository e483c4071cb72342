// How long a page of the tenants takes, by order, direction and filter:
//   node bench/lists.ts [tenants] [rounds]
// Starts an embedded PostgreSQL of its own, fills the registry, and asks the API over HTTP for first pages,
// pages behind the middle and last pages: the slowest lists first, and what `totalCount` and operations take.

import { openApi } from "../src/api/transport/server.ts";
import type { EntityManager } from "../src/database/orm.ts";
import { createServiceToken } from "../src/iam/tokens/service-tokens.ts";
import { versionFilter } from "../src/operations/list.ts";
import type { Platform } from "../src/platform.ts";
import { listTenants, TENANT_ORDERS, type TenantOrder } from "../src/tenants/list.ts";
import { TenantEntity } from "../src/tenants/tenant.entity.ts";
import { ACTOR, openBench, tell } from "./kit.ts";
import { fill } from "./lists-data.ts";

const GOAL_MS = 20;
const SIZE = 50;

const PAGE = `query ($filter: TenantFilter, $orderBy: TenantOrder, $first: Int, $after: String, $last: Int) {
  tenants(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last) {
    nodes { id slug name status region tier schemaVersion createdAt updatedAt labels { key value } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
const COUNT = "query ($filter: TenantFilter) { tenants(filter: $filter, first: 1) { totalCount } }";
const OPERATIONS = `query ($filter: OperationFilter, $orderBy: OperationOrder) {
  operations(filter: $filter, orderBy: $orderBy, first: ${SIZE}) { nodes { id kind state createdAt } } }`;

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
const wave = { key: "wave", value: "3" };
const team = { key: "team", value: "q" };

/** Some that most tenants pass, some that few or none do. */
const filters = (newest: string): Readonly<Record<string, object>> => ({
  none: {},
  "status, region, label": { status: ["ACTIVE"], region: ["eu-west"], labels: [wave] },
  "failed, region, labels": { status: ["FAILED"], region: ["eu-west"], labels: [wave, team] },
  "tier, version, locked": { tier: ["PREMIUM"], schemaVersion: [newest], locked: true },
  "tier, old version, unlocked": {
    tier: ["TRIAL"],
    schemaVersion: ["0000_bench_12"],
    locked: false,
  },
  "server, of 90 days, text": { dbServer: ["db-2"], createdAfter: daysAgo(90), text: "river" },
  "status, region, one's name": { status: ["ACTIVE"], region: ["us-east"], text: "river 77123" },
  "tier, region, text of none": { tier: ["STANDARD"], region: ["eu-west"], text: "zebra" },
  "status, server, short text": { status: ["ACTIVE"], dbServer: ["db-1"], text: "q7" },
  "tier, region, of a week": { tier: ["TRIAL"], region: ["ap-south"], createdAfter: daysAgo(7) },
  "tier, region, of long ago": {
    tier: ["TRIAL"],
    region: ["ap-south"],
    createdBefore: daysAgo(360),
  },
  "requester, status, region": { onBehalfOf: "sales-77", status: ["ACTIVE"], region: ["sa-east"] },
  "behind, tier, region": { behind: true, tier: ["ENTERPRISE"], region: ["sa-east"] },
  "purged, server, label": { status: ["PURGED"], dbServer: ["db-3"], labels: [team] },
  "isolation, tier, label": { isolation: "DATABASE", tier: ["TRIAL"], labels: [wave] },
});

type Ask = (query: string, variables: object) => Promise<void>;

async function openClient(platform: Platform, parts: AsyncDisposableStack): Promise<Ask> {
  const api = await openApi(platform);
  parts.defer(() => api.close());
  const ports = { em: platform.orm.em, clock: platform.clock };
  const made = await createServiceToken(ports, ACTOR, { name: "bench", role: "ADMINISTRATOR" });
  const headers = { "content-type": "application/json", authorization: `Bearer ${made.value}` };
  return async (query, variables) => {
    const body = JSON.stringify({ query, variables });
    const text = await (await fetch(api.url, { method: "POST", headers, body })).text();
    if (text.includes('"errors"')) throw new Error(text);
  };
}

interface Times {
  readonly name: string;
  readonly times: readonly number[];
}

const quantile = ({ times }: Times, share: number): number =>
  times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;

/** Asks some times, after twice for warming up. */
async function time(name: string, rounds: number, ask: () => Promise<void>): Promise<Times> {
  const times: number[] = [];
  for (let round = -2; round < rounds; round += 1) {
    const begun = performance.now();
    await ask();
    if (round >= 0) times.push(performance.now() - begun);
  }
  return { name, times: times.sort((a, b) => a - b) };
}

function tellTimes(title: string, all: readonly Times[]): void {
  tell(`\n${title.padEnd(64)}     min     p50     p95`);
  for (const each of all.toSorted((a, b) => quantile(b, 0.95) - quantile(a, 0.95))) {
    const told = [0, 0.5, 0.95].map((share) => quantile(each, share).toFixed(1).padStart(8));
    tell(`${each.name.padEnd(64)}${told.join("")}`);
  }
}

const COLUMNS = {
  CREATED_AT: "id",
  UPDATED_AT: "updated_at",
  SLUG: "slug",
  NAME: "name",
  STATUS: "status",
  SCHEMA_VERSION: "coalesce(schema_version, '')",
};

/** The cursor of the row in the middle of the list without a filter. */
async function middleOf(em: EntityManager, tenants: number, order: TenantOrder): Promise<string> {
  const { cursorOf } = await listTenants(em, {}, { first: 1 }, order);
  const sql = `select id from platform.tenant order by ${COLUMNS[order.field]}, id offset ? limit 1`;
  const [row] = await em.execute<{ id: string }[]>(sql, [Math.floor(tenants / 2)]);
  return cursorOf(await em.findOneOrFail(TenantEntity, { id: row?.id ?? "" }));
}

async function bench(tenants: number, rounds: number): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const platform = await openBench(parts, { PORT: "0" });
  const em = platform.orm.em.fork() as EntityManager;
  const version = await versionFilter(platform.config.tenantMigrations, true);
  await fill(em, tenants, version);
  const ask = await openClient(platform, parts);
  const all = Object.entries(filters(version.newest ?? ""));
  const lists: Times[] = [];
  for (const field of Object.keys(TENANT_ORDERS) as TenantOrder["field"][]) {
    for (const direction of ["ASC", "DESC"] as const) {
      const orderBy = { field, direction };
      const after = await middleOf(em, tenants, orderBy);
      const pages = {
        first: { first: SIZE },
        middle: { first: SIZE, after },
        last: { last: SIZE },
      };
      for (const [filterName, filter] of all) {
        for (const [pageName, page] of Object.entries(pages)) {
          const name = `${field} ${direction}, ${pageName} page: ${filterName}`;
          lists.push(await time(name, rounds, () => ask(PAGE, { filter, orderBy, ...page })));
        }
      }
    }
  }
  tellTimes(`${tenants} tenants, ${rounds} rounds, ms`, lists);
  const slow = lists.filter((each) => quantile(each, 0.95) > GOAL_MS);
  tell(`\np95 above ${GOAL_MS} ms: ${slow.length} of ${lists.length} lists`);
  await benchOthers(em, ask, all, rounds);
}

/** What `totalCount` takes by itself, and lists of one tenant's operations. */
async function benchOthers(
  em: EntityManager,
  ask: Ask,
  all: readonly (readonly [string, object])[],
  rounds: number,
): Promise<void> {
  const counts: Times[] = [];
  for (const [name, filter] of all) {
    counts.push(await time(name, rounds, () => ask(COUNT, { filter })));
  }
  tellTimes("totalCount", counts);
  const { slug } = await em.findOneOrFail(TenantEntity, { status: "ACTIVE" });
  const operations: Times[] = [];
  for (const [name, filter] of Object.entries({ none: {}, slug: { slug } })) {
    for (const field of ["CREATED_AT", "UPDATED_AT", "SLUG"]) {
      const variables = { filter, orderBy: { field, direction: "DESC" } };
      operations.push(await time(`${field}: ${name}`, rounds, () => ask(OPERATIONS, variables)));
    }
  }
  tellTimes("operations", operations);
}

await bench(Number(process.argv[2] ?? 100_000), Number(process.argv[3] ?? 30));
