import { beforeAll, describe, expect, test } from "vitest";
import { OperationPhaseEntity } from "../../src/operations/engine/operation.entity.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { ISOLATIONS, type Isolation } from "../../src/tenants/names.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { type Tenant, TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { planFailure } from "../kit/plan-failure.ts";
import { openPlatform } from "../kit/platform.ts";
import {
  ACTS,
  type ActName,
  arrange,
  begin,
  CASES,
  CATALOG,
  phasesOf,
  SCENARIOS,
} from "../kit/scenarios.ts";
import { followToEnd, provision } from "../kit/tenants.ts";
import { type TenantWorld, tenantWorldOf, worldOf } from "../kit/world.ts";

/** The phase that fails, as `KIND PHASE`, chosen by the test that runs. */

const failure = planFailure({ times: 2 });
const world = perFile(() => openPlatform({ worker: failure }));

const em = () => world.platform.orm.em.fork();
const kindOf = (act: ActName) => CATALOG[act]?.kind;

/** Runs an operation whose phase fails with its deed done; expects it to say so and no undo to fail. */
async function failIn(act: ActName, phase: string, slug: string, isolation: Isolation) {
  failure.at = `${kindOf(act)} ${phase}`;
  const { operation, events } = await followToEnd(
    world.platform,
    (await begin(world.platform, act, slug, isolation)).id,
  );
  failure.at = null;
  expect(operation).toMatchObject({ state: "FAILED", error: { code: "E_INTERNAL", phase } });
  expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index + 1));
  expect(operation.error?.message).not.toContain("could not be undone");
  const stuck = { operationId: operation.id, state: "UNDO_FAILED" } as const;
  expect(await em().count(OperationPhaseEntity, stuck)).toBe(0);
  return operation;
}

test("every operation of the catalogue has its scenario", () => {
  expect(ACTS.toSorted()).toEqual(Object.keys(world.platform.operations).toSorted());
  for (const act of ACTS) {
    const { staysFrom, diesIn } = SCENARIOS[act];
    expect(phasesOf(act)).toContain(diesIn);
    if (staysFrom !== null) expect(phasesOf(act)).toContain(staysFrom);
  }
});

describe.each(ISOLATIONS)("provisioning with isolation %s", (isolation) => {
  test.each(phasesOf("provisionTenant"))(
    "leaves no trace when %s fails, and succeeds when it is retried",
    async (phase) => {
      const slug = freshSlug("unwind");
      const before = await worldOf(world.platform, slug);
      const operation = await failIn("provisionTenant", phase, slug, isolation);
      expect(await worldOf(world.platform, slug)).toEqual(before);
      const tenant = await tenantBySlug(em(), slug);
      expect(tenant).toMatchObject({
        status: "FAILED",
        failureCode: "E_INTERNAL",
        dbServerId: null,
      });
      expect(await tenantHealth(world.platform, { slug })).toMatchObject([{ healthy: true }]);

      const again = await provision(world.platform, { slug, isolation });
      expect(again.operation).toMatchObject({
        state: "SUCCEEDED",
        retryOf: operation.id,
        subjectId: tenant.id,
      });
    },
  );
});

// One tenant for each operation: each phase fails on what the failure before it has left, so that
// getting there is the retry that has to work.
describe.each(CASES.filter(({ act }) => act !== "provisionTenant"))(
  "$act, $isolation",
  ({ act, isolation }) => {
    const { staysFrom, staysAs, from, to } = SCENARIOS[act];
    const phases = phasesOf(act);
    const isKept = (phase: string) =>
      staysFrom !== null && phases.indexOf(phase) >= phases.indexOf(staysFrom);
    let tenant: Tenant;
    let before: TenantWorld;

    beforeAll(async () => {
      const slug = freshSlug("unwind");
      await arrange(world.platform, act, slug, { isolation });
      tenant = await tenantBySlug(em(), slug);
      before = await tenantWorldOf(world.platform, slug);
    });

    test.each(phases.filter((phase) => !isKept(phase)))(
      "leaves the world as it was when %s fails",
      async (phase) => {
        await failIn(act, phase, tenant.slug, isolation);
        expect(await tenantWorldOf(world.platform, tenant.slug)).toEqual(before);
      },
    );

    test.each(phases.filter(isKept))(
      "keeps what it has done when %s fails, with the tenant as it may be",
      async (phase) => {
        await failIn(act, phase, tenant.slug, isolation);
        expect(await tenantBySlug(em(), tenant.slug)).toMatchObject({ status: staysAs ?? from });
      },
    );

    test("succeeds after all of that", async () => {
      const { id } = await begin(world.platform, act, tenant.slug);
      const { operation } = await followToEnd(world.platform, id);
      expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
      const now = await em().findOneOrFail(TenantEntity, { id: tenant.id });
      expect(now.status).toBe(to);
      const healths = await tenantHealth(world.platform);
      const health = healths.find((each) => each.tenant?.id === tenant.id);
      expect(health?.findings ?? []).toEqual([]);
    });
  },
);
