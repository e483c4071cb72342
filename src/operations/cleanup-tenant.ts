import { z } from "zod";
import type { EntityManager } from "../database/orm.ts";
import { peopleShown, RemovedPeople, removePeople } from "../invitations/remove-people.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { listed, row } from "../kernel/labelled.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { removeSecret } from "./credentials/own-secret.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing, skipped } from "./engine/phase.ts";
import { closeRow } from "./removal/purged-row.ts";
import {
  dropRemains,
  findRemains,
  goneSince,
  inWords,
  Remain,
  remainsShown,
} from "./removal/remains.ts";
import { refuseHeld } from "./tenant-hold.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import { type TenantRun, tenantIdOf } from "./tenant-run.ts";

export const dropSchemaField = z
  .boolean()
  .default(false)
  .describe(
    "Whether schema or database, roles and secret go, too; otherwise they stay and are told of.",
  );

const CleanupInput = z.strictObject({
  ...namedTenant,
  dropSchema: dropSchemaField,
});
type CleanupInput = z.infer<typeof CleanupInput>;

const CleanupResult = describedObject("CleanupResult", "What came of cleaning up a tenant.", {
  dropSchema: z.boolean().describe("Whether schema or database, roles and secret were to go, too."),
  removed: z.array(Remain).describe("What was removed."),
  remaining: z.array(Remain).describe("What is still there."),
  unsearched: z
    .array(z.string())
    .describe("The names of db servers that could not be entered to look."),
  people: RemovedPeople.nullable().describe(
    "What was removed about people; null where it did not come to that.",
  ),
});

interface CleanupFacts {
  readonly found: readonly Remain[];
  readonly remaining: readonly Remain[];
  readonly unsearched: readonly string[];
  readonly people: RemovedPeople;
}

type CleanupRun = TenantRun<CleanupInput, CleanupFacts>;

const GONE = nothing("what is removed does not come back; run it again to go on");
const KEPT = skipped("dropSchema was not asked for");

/** Removes what a failed provisioning left of a tenant, and frees its slug. */
export const cleanupTenant = defineOperation<CleanupInput, CleanupFacts>(
  {
    kind: "CLEANUP",
    does: "Clears a tenant away whose provisioning failed.",
    grant: "tenant:operate",
    input: CleanupInput,
    result: CleanupResult,
    shows: ({ removed, remaining, unsearched, people }: Described<typeof CleanupResult>) => [
      ["removed", remainsShown(removed)],
      ["still there", remainsShown(remaining)],
      ...row("not searched", unsearched.length > 0 && listed(unsearched)),
      ...peopleShown(people),
    ],
  },
  (ports) => ({
    prepare: async (_em, tenant, { actor }) => refuseHeld(actor, "CLEANUP", tenant),
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
        ensure: (run, em) => cleanUp(run, em),
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
  }),
);

const removedOf = ({ facts }: CleanupRun): Remain[] =>
  facts.remaining === undefined ? [] : goneSince(facts.found ?? [], facts.remaining);

async function drop(ports: TenantPorts, run: CleanupRun): Promise<undefined> {
  await dropRemains(ports, run);
}

/** Removes the people, and closes the row: all in one transaction. */
async function cleanUp(run: CleanupRun, em: EntityManager): Promise<Partial<CleanupFacts>> {
  const people = await removePeople(em, { tenantId: tenantIdOf(run) });
  await closeRow(run, em);
  run.record(em, "TENANT_CLEANED_UP", {
    dropSchema: run.input.dropSchema,
    removed: removedOf(run).map(inWords),
    remaining: (run.facts.remaining ?? []).map(inWords),
    people,
  });
  return { people };
}
