import { z } from "zod";
import { record } from "../audit/record.ts";
import type { EntityManager } from "../database/orm.ts";
import { reasonField } from "../kernel/input.ts";
import { slugField } from "../tenants/slug.ts";
import { TenantEntity } from "../tenants/tenant.entity.ts";
import { nothing, type Run } from "./engine/phase.ts";
import { type ClosedFacts, closingPhases } from "./parts/tenant-login.ts";
import { tenantOperation } from "./parts/tenant-operation.ts";
import type { TenantPorts } from "./parts/tenant-ports.ts";
import { tenantOf } from "./parts/tenant-site.ts";

const SuspendInput = z.strictObject({
  slug: slugField,
  reason: reasonField.nullable().default(null),
});
export type SuspendInput = z.infer<typeof SuspendInput>;

type SuspendRun = Run<SuspendInput, ClosedFacts>;

/** Keeps a tenant's application and its users out; nothing of the tenant is lost. */
export const suspendTenant = (ports: TenantPorts) =>
  tenantOperation<SuspendInput, ClosedFacts>({
    kind: "SUSPEND",
    urgent: true,
    input: SuspendInput,
    reason: ({ reason }) => reason,
    phases: [
      ...closingPhases<SuspendInput, ClosedFacts>(ports),
      {
        name: "SUSPENDED",
        where: "platform",
        ensure: (run, em) => suspend(ports, run, em),
        undo: nothing("it is the last phase"),
      },
    ],
    result: ({ facts }) => ({ sessionsEnded: facts.sessionsEnded ?? null }),
  });

async function suspend(ports: TenantPorts, run: SuspendRun, em: EntityManager): Promise<undefined> {
  const { id, slug } = await tenantOf(em, run);
  await em.nativeUpdate(TenantEntity, { id }, { status: "SUSPENDED", updatedAt: ports.clock() });
  record(
    em,
    { ...run.requester, address: null },
    {
      type: "TENANT_SUSPENDED",
      tenant: { id, slug },
      operationId: run.operationId,
      detail: { reason: run.input.reason, sessionsEnded: run.facts.sessionsEnded ?? 0 },
    },
  );
}
