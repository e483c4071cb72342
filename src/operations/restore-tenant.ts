import { z } from "zod";
import type { EntityManager } from "../database/orm.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { row } from "../kernel/labelled.ts";
import { TenantStatus } from "../tenants/lifecycle.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import { closeLoginAgain, openLogin, verifyLogin } from "./credentials/tenant-login.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing, type Skipped, skipped } from "./engine/phase.ts";
import type { TenantRun } from "./tenant-run.ts";

const RestoreInput = z.strictObject(namedTenant).describe("The tenant to restore.");
export type RestoreInput = z.infer<typeof RestoreInput>;

const RestorationResult = describedObject("RestorationResult", "What came of restoring a tenant.", {
  status: TenantStatus.nullable().describe(
    "The status that it came back to; null where it failed.",
  ),
});

interface RestoreFacts {
  readonly to: "ACTIVE" | "SUSPENDED";
}

type RestoreRun = TenantRun<RestoreInput, RestoreFacts>;

/** Brings an offboarded tenant back as it was: ACTIVE with a login that works, or SUSPENDED. */
export const restoreTenant = defineOperation<RestoreInput, RestoreFacts>(
  {
    kind: "RESTORE",
    does: "Brings an offboarded tenant back as it was.",
    grant: "tenant:operate",
    input: RestoreInput,
    result: RestorationResult,
    shows: ({ status }: Described<typeof RestorationResult>) =>
      row("status", status && `${status} again`),
    mutation: {
      name: "restoreTenant",
      description: "Brings an offboarded tenant back exactly as it was.",
    },
    command: {
      words: "tenant restore",
      does: "bring an offboarded tenant back as it was",
      title: "Restoring",
      example: "--slug acme",
    },
  },
  (ports) => ({
    prepare: async (_em, tenant) => {
      goesBackTo(tenant);
    },
    phases: [
      {
        name: "LOGIN_OPENED",
        where: "outside",
        ensure: (run) => whenActive(run, () => openLogin(ports, run)),
        undo: (run) => closeLoginAgain(ports, run),
      },
      {
        name: "VERIFIED",
        where: "outside",
        ensure: (run) => whenActive(run, () => verifyLogin(ports, run)),
        undo: nothing("it only looks"),
      },
      {
        name: "RESTORED",
        where: "platform",
        ensure: restore,
        undo: nothing("it is the last phase"),
      },
    ],
    result: ({ facts }) => ({ status: facts.to ?? null }),
  }),
);

/**
 * The status that the tenant goes back to. A purge that has begun took it away: from then on there is
 * no way back.
 *
 * @throws DomainError E_TENANT_STATUS
 */
function goesBackTo({ slug, offboardedFrom }: Tenant): "ACTIVE" | "SUSPENDED" {
  if (offboardedFrom !== null) return offboardedFrom;
  throw new DomainError("E_TENANT_STATUS", {
    message: `Tenant '${slug}' is being purged, which cannot be taken back`,
    nextAction: "Take the purge up again with `purgeTenant`, `immediately` and a `reason`.",
  });
}

async function whenActive(
  run: RestoreRun,
  act: () => Promise<undefined>,
): Promise<Skipped | undefined> {
  const to = goesBackTo(await run.tenant());
  return to === "ACTIVE" ? await act() : skipped("the tenant was suspended, and stays so");
}

async function restore(run: RestoreRun, em: EntityManager): Promise<Partial<RestoreFacts>> {
  const to = goesBackTo(await run.tenant(em));
  await run.update(em, { status: to, offboardedFrom: null, purgeAfter: null });
  run.record(em, "TENANT_RESTORED", { to });
  return { to };
}
