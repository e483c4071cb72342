import type { EntityManager } from "../../database/orm.ts";
import { seedFirstAdmin, undoFirstAdmin } from "../../invitations/first-admin.ts";
import { type Skipped, skipped } from "../engine/phase.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import { tenantIdOf } from "../tenant-run.ts";
import type { ProvisionFacts, ProvisionRun } from "./run.ts";

/** Makes the first admin's identity and membership, and the way in; the mail goes out when this commits. */
export async function seedAdmin(
  ports: TenantPorts,
  run: ProvisionRun,
  em: EntityManager,
): Promise<Partial<ProvisionFacts> | Skipped> {
  const { input } = run;
  if (input.adminEmail === null) return skipped("no first administrator was asked for");
  const { credential } = await seedFirstAdmin(ports, em, {
    tenantId: tenantIdOf(run),
    slug: run.subjectName,
    tenantName: input.name,
    email: input.adminEmail,
    name: input.adminName,
    allowExistingUser: input.allowExistingUser,
    credential: input.adminCredential,
    operationId: run.operationId,
    actor: { ...run.requester, address: null },
  });
  await ports.queue.enqueueMail(em, `${run.operationId}-mail`);
  return { credential };
}

/** Removes what seeding the first admin made. */
export const removeFirstAdmin = (run: ProvisionRun, em: EntityManager): Promise<void> =>
  undoFirstAdmin(em, { tenantId: tenantIdOf(run) });
