import { describe, expect, test } from "vitest";
import { LIFECYCLE, TENANT_STATUSES, type TenantAct } from "../../src/tenants/lifecycle.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provisionRequest } from "../kit/tenants.ts";
import { act, register } from "./_tenant-operations.ts";

const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));
const administrator = perFile(() => api.as("ADMINISTRATOR"));

interface Asked {
  readonly mutation: string;
  readonly input?: Record<string, unknown>;
}

/** Those that somebody asks for; limits are set where a tenant in use is updated. */
type AskedAct = Exclude<TenantAct, "SET_LIMITS">;

/** How each operation is asked for, so that nothing but the status can refuse it. */
const ASKED: Record<AskedAct, Asked> = {
  PROVISION: { mutation: "provisionTenant", input: provisionRequest({ slug: "any" }) as never },
  MIGRATE: { mutation: "migrateTenant" },
  ACCEPT_MIGRATION: {
    mutation: "acceptMigration",
    input: { migration: "0002_units", reason: "a test" },
  },
  ACTIVATE: { mutation: "activateTenant" },
  ADD_LABORATORY: { mutation: "addLaboratory", input: { name: "Second" } },
  SEED: { mutation: "seedTenant", input: { sets: ["core"] } },
  REFRESH_SNAPSHOTS: { mutation: "refreshSnapshots" },
  ROTATE_CREDENTIALS: { mutation: "rotateTenantCredentials" },
  RETIRE_CREDENTIALS: { mutation: "retireTenantCredentials" },
  SUSPEND: { mutation: "suspendTenant" },
  RESUME: { mutation: "resumeTenant" },
  CLEANUP: { mutation: "cleanupFailedTenants" },
  OFFBOARD: { mutation: "offboardTenant" },
  RESTORE: { mutation: "restoreTenant" },
  PURGE: { mutation: "purgeTenant", input: { immediately: true, reason: "a test" } },
};

/** What the API answers: ALLOWED with an operation of that kind, or the code of the refusal. */
async function verdict(kind: AskedAct, slug: string): Promise<string> {
  const { mutation, input } = ASKED[kind];
  const answered = await act(administrator, mutation, { ...input, slug });
  const { operation, code } =
    kind === "CLEANUP"
      ? { operation: answered.results[0].operation, code: answered.results[0].error?.code }
      : answered;
  if (code !== undefined && code !== null) return code;
  expect(operation.kind).toBe(kind);
  return "ALLOWED";
}

describe("a tenant's status decides, as the lifecycle says", () => {
  describe.each(TENANT_STATUSES)("%s", (status) => {
    test.each(Object.keys(ASKED) as AskedAct[])("%s", async (kind) => {
      const slug = await register(world, status);
      expect(await verdict(kind, slug)).toBe(LIFECYCLE[status][kind]);
    });
  });

  test("and what is refused leaves the tenant as it was, without an operation", async () => {
    const slug = await register(world, "SUSPENDED");
    await act(administrator, "suspendTenant", { slug });
    const query = `query ($slug: String!) {
      tenant(by: { slug: $slug }) { status activeOperation { id } operations { totalCount } }
    }`;
    const { tenant } = await administrator.ask(query, { slug });
    expect(tenant).toEqual({
      status: "SUSPENDED",
      activeOperation: null,
      operations: { totalCount: 0 },
    });
  });
});
