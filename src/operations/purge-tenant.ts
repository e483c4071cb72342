import { z } from "zod";
import type { EntityManager } from "../database/orm.ts";
import { authorize } from "../iam/grants.ts";
import { peopleShown, RemovedPeople, removePeople } from "../invitations/remove-people.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { reasonField } from "../kernel/input.ts";
import { row } from "../kernel/labelled.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { removeSecret } from "./credentials/own-secret.ts";
import { type ClosedFacts, closingPhases } from "./credentials/tenant-login.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing } from "./engine/phase.ts";
import { beginPurge, Evidence, evidenceShown, takeEvidence } from "./removal/evidence.ts";
import { refuseOldDeletion } from "./removal/lost-history.ts";
import { closeRow } from "./removal/purged-row.ts";
import { dropRemains, findRemains, inWords, Remain, remainsShown } from "./removal/remains.ts";
import { refuseHeld } from "./tenant-hold.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import { type TenantPhase, type TenantRun, tenantIdOf } from "./tenant-run.ts";
import { refuseRunningWindow } from "./timers/retention-window.ts";

const PurgeInput = z
  .strictObject({
    ...namedTenant,
    immediately: z.boolean().default(false).meta({
      description: "Whether to purge before the window has ended, or without one: with a reason.",
      flag: "--now",
      help: "before the window has ended, or without one; needs --reason",
    }),
    reason: reasonField.nullable().default(null).meta({
      description:
        "Why it is done, 1 to 500 characters, for the audit trail; needed with `immediately`.",
      flag: "--reason <text>",
      help: "why, for the audit trail",
    }),
  })
  .refine(({ immediately, reason }) => !immediately || reason !== null, {
    path: ["reason"],
    message: "is needed to purge immediately",
  })
  .describe("The tenant to purge.");
export type PurgeInput = z.infer<typeof PurgeInput>;

const PurgeResult = describedObject(
  "PurgeResult",
  "What came of purging a tenant, also where the purge failed half-way.",
  {
    begun: z.boolean().describe("Whether it came to the point from which there is no way back."),
    evidence: Evidence.nullable().describe(
      "What stood before; null where it did not come to look.",
    ),
    people: RemovedPeople.nullable().describe(
      "What was removed about people; null where it did not come to that.",
    ),
    remaining: z
      .array(Remain)
      .describe("What bears the tenant's names and was not removed, since it is not the tenant's."),
  },
);

interface PurgeFacts extends ClosedFacts {
  readonly evidence: Evidence;
  readonly begun: boolean;
  readonly remaining: readonly Remain[];
  readonly people: RemovedPeople;
}

type PurgeRun = TenantRun<PurgeInput, PurgeFacts>;

const GONE = nothing("what is removed does not come back; run it again to go on");

/**
 * Removes everything of a tenant but its operations and the audit trail. Until PURGE_BEGUN it can be
 * taken back; from there on the tenant is OFFBOARDED beyond restoring until a purge has ended.
 */
export const purgeTenant = defineOperation<PurgeInput, PurgeFacts>(
  {
    kind: "PURGE",
    does: "Removes all that a tenant holds; the audit trail stays. From PURGE_BEGUN on there is no way back.",
    grant: "tenant:purge",
    input: PurgeInput,
    result: PurgeResult,
    shows: ({ begun, evidence, people, remaining }: Described<typeof PurgeResult>) => [
      ...row("what stood", evidence && evidenceShown(evidence)),
      ...row("way back", begun && people === null && "none: run it again to go on"),
      ...peopleShown(people),
      ...row("still there", remaining.length > 0 && remainsShown(remaining)),
    ],
    mutation: {
      name: "purgeTenant",
      description:
        "Removes everything of a tenant whose retention window has ended: schema or database, roles, secret and people. Its operations and the audit trail stay, and its slug is free again. For administrators; a window that ends purges by itself.",
    },
    command: {
      words: "tenant purge",
      does: "remove everything of a tenant whose retention window has ended",
      title: "Purging",
      example: '--slug acme --now --reason "asked for it"',
      asks: { always: "Remove everything that tenant '{slug}' holds, for good?" },
    },
  },
  (ports) => ({
    prepare: async (em, tenant, { actor, input }) => {
      authorize(actor, "tenant:purge");
      refuseHeld(actor, "PURGE", tenant);
      if (!input.immediately) await refuseRunningWindow(em, tenant);
    },
    reason: ({ reason }) => reason,
    phases: [
      {
        name: "EVIDENCE_TAKEN",
        where: "outside",
        inDryRun: true,
        ensure: async (run) => ({ evidence: await takeEvidence(ports, run) }),
        undo: nothing("it only looks"),
      },
      ...closingPhases<PurgeInput, PurgeFacts>(ports, { foreign: "LEFT_ALONE" }),
      ...removingPhases(ports),
    ],
    result: ({ facts }) => ({
      begun: facts.begun ?? false,
      evidence: facts.evidence ?? null,
      people: facts.people ?? null,
      remaining: facts.remaining ?? [],
    }),
  }),
);

const removingPhases = (ports: TenantPorts): TenantPhase<PurgeInput, PurgeFacts>[] => [
  {
    name: "PURGE_BEGUN",
    where: "platform",
    ensure: async (run, em) => {
      await refuseOldDeletion(ports, run);
      return { begun: true, evidence: await beginPurge(ports, run, em) };
    },
    undo: nothing("from here on there is no way back; run it again to go on"),
  },
  {
    name: "SCHEMA_DROPPED",
    where: "outside",
    ensure: async (run) => {
      await dropRemains(ports, run);
      return undefined;
    },
    undo: GONE,
  },
  {
    name: "SECRET_REMOVED",
    where: "outside",
    ensure: (run) => removeSecret(ports, run),
    undo: GONE,
  },
  {
    name: "REMAINING_FOUND",
    where: "outside",
    ensure: async (run) => {
      const { found } = await findRemains(ports, run);
      return { remaining: found };
    },
    undo: nothing("it only looks"),
  },
  {
    name: "PURGED",
    where: "platform",
    ensure: purge,
    undo: nothing("it is the last phase"),
  },
];

/** Removes the people, closes the row and records the evidence: all in one transaction. */
async function purge(run: PurgeRun, em: EntityManager): Promise<Partial<PurgeFacts>> {
  const { evidence, remaining = [] } = run.facts;
  if (evidence === undefined) throw new Error("A purge ends with its evidence");
  const people = await removePeople(em, { tenantId: tenantIdOf(run) });
  await closeRow(run, em);
  const { reason } = run.input;
  const left = remaining.map(inWords);
  run.record(em, "TENANT_PURGED", { reason, evidence, people, remaining: left });
  return { people };
}
