import { z } from "zod";
import { record } from "../audit/record.ts";
import type { EntityManager } from "../database/orm.ts";
import { type RemovedPeople, removePeople } from "../invitations/remove-people.ts";
import { slugField } from "../tenants/slug.ts";
import { nothing, type Run, skipped } from "./engine/phase.ts";
import { removeSecret } from "./parts/own-secret.ts";
import { closeRow } from "./parts/purged-row.ts";
import { tenantOperation } from "./parts/tenant-operation.ts";
import type { TenantPorts } from "./parts/tenant-ports.ts";
import {
  dropRemains,
  findRemains,
  goneSince,
  inWords,
  type Remain,
} from "./parts/tenant-remains.ts";
import { tenantOf } from "./parts/tenant-site.ts";
import { refuseLocked } from "./tenant-lock.ts";

const CleanupInput = z.strictObject({
  slug: slugField,
  /** Whether schema, roles and secret go too; else they are reported. */
  dropSchema: z.boolean().default(false),
});
type CleanupInput = z.infer<typeof CleanupInput>;

interface CleanupFacts {
  readonly found: readonly Remain[];
  readonly remaining: readonly Remain[];
  readonly unsearched: readonly string[];
  readonly people: RemovedPeople;
}

type CleanupRun = Run<CleanupInput, CleanupFacts>;

const GONE = nothing("what is removed does not come back; run it again to go on");
const KEPT = skipped("dropSchema was not asked for");

/** Removes what a failed provisioning left of a tenant, and frees its slug. */
export const cleanupTenant = (ports: TenantPorts) =>
  tenantOperation<CleanupInput, CleanupFacts>({
    kind: "CLEANUP",
    input: CleanupInput,
    prepare: async (_em, tenant, { actor }) => refuseLocked(actor, "CLEANUP", tenant),
    phases: [
      {
        name: "REMAINS_FOUND",
        where: "outside",
        inDryRun: true,
        ensure: async (run) => await findRemains(ports, run),
        undo: nothing("it only looks"),
      },
      {
        name: "SCHEMA_DROPPED",
        where: "outside",
        ensure: async (run) => (run.input.dropSchema ? await drop(ports, run) : KEPT),
        undo: GONE,
      },
      {
        name: "SECRET_REMOVED",
        where: "outside",
        ensure: async (run) => (run.input.dropSchema ? await removeSecret(ports, run) : KEPT),
        undo: GONE,
      },
      {
        name: "REMAINING_FOUND",
        where: "outside",
        ensure: async (run) => {
          const { found, unsearched } = await findRemains(ports, run);
          return { remaining: found, unsearched };
        },
        undo: nothing("it only looks"),
      },
      {
        name: "CLEANED_UP",
        where: "platform",
        ensure: (run, em) => cleanUp(ports, run, em),
        undo: nothing("it is the last phase"),
      },
    ],
    result: (run) => ({
      dropSchema: run.input.dropSchema,
      removed: removedOf(run),
      remaining: run.facts.remaining ?? run.facts.found ?? [],
      unsearched: run.facts.unsearched ?? [],
      people: run.facts.people ?? null,
    }),
  });

const removedOf = ({ facts }: CleanupRun): Remain[] =>
  facts.remaining === undefined ? [] : goneSince(facts.found ?? [], facts.remaining);

async function drop(ports: TenantPorts, run: CleanupRun): Promise<undefined> {
  await dropRemains(ports, run);
}

/** Removes the people, and closes the row: all in one transaction. */
async function cleanUp(
  ports: TenantPorts,
  run: CleanupRun,
  em: EntityManager,
): Promise<Partial<CleanupFacts>> {
  const { id, slug } = await tenantOf(em, run);
  const people = await removePeople(em, { tenantId: id });
  await closeRow(em, id, ports.clock());
  record(
    em,
    { ...run.requester, address: null },
    {
      type: "TENANT_CLEANED_UP",
      tenant: { id, slug },
      operationId: run.operationId,
      detail: {
        dropSchema: run.input.dropSchema,
        removed: removedOf(run).map(inWords),
        remaining: (run.facts.remaining ?? []).map(inWords),
        people,
      },
    },
  );
  return { people };
}
