import { z } from "zod";
import type { EntityManager } from "../database/orm.ts";
import { authorize } from "../iam/grants.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { reasonField } from "../kernel/input.ts";
import { row } from "../kernel/labelled.ts";
import { TenantStatus } from "../tenants/lifecycle.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { type ClosedFacts, closingPhases, sessionsEndedField } from "./credentials/tenant-login.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing } from "./engine/phase.ts";
import { refuseHeld } from "./tenant-hold.ts";
import type { TenantRun } from "./tenant-run.ts";
import { MAX_RETENTION_DAYS, setTimer, windowEnd } from "./timers/retention-window.ts";

const OffboardInput = z
  .strictObject({
    ...namedTenant,
    retentionDays: z.int().min(0).max(MAX_RETENTION_DAYS).default(30).meta({
      description: "How many days it can be restored, 0 to 3650; 0 is for administrators.",
      flag: "--retention-days <number>",
      help: "how long it can be restored (default: 30)",
    }),
    purge: z.boolean().default(false).meta({
      description: "Whether to purge it right behind: for administrators, with a reason.",
      flag: "--purge",
      help: "purge it right behind; needs --reason",
    }),
    reason: reasonField.nullable().default(null).meta({
      description: "Why it is done, 1 to 500 characters, for the audit trail; needed with `purge`.",
      flag: "--reason <text>",
      help: "why, for the audit trail",
    }),
  })
  .refine(({ purge, reason }) => !purge || reason !== null, {
    path: ["reason"],
    message: "is needed with purge",
  })
  .describe("The tenant to offboard.");
export type OffboardInput = z.infer<typeof OffboardInput>;

const OffboardingResult = describedObject(
  "OffboardingResult",
  "What came of offboarding a tenant.",
  {
    offboardedFrom: TenantStatus.nullable().describe(
      "The status that restoring takes it back to; null where it failed.",
    ),
    purgeAfter: z.iso
      .datetime()
      .nullable()
      .describe("The end of its retention window; null where it failed."),
    purge: z.boolean().describe("Whether it is purged right behind, by an operation of its own."),
    sessionsEnded: sessionsEndedField,
  },
);

interface OffboardFacts extends ClosedFacts {
  readonly from: "ACTIVE" | "SUSPENDED";
  /** In ISO 8601. */
  readonly purgeAfter: string;
}

type OffboardRun = TenantRun<OffboardInput, OffboardFacts>;

/**
 * Closes a tenant and begins its retention window, at whose end the platform purges it. Purging at
 * once is a window that ends as it begins: the purge is an operation of its own, so that one which
 * fails half-way leaves an offboarded tenant and nothing to take back.
 */
export const offboardTenant = defineOperation<OffboardInput, OffboardFacts>(
  {
    kind: "OFFBOARD",
    does: "Takes a tenant out of use for good, and starts its retention window.",
    grant: "tenant:operate",
    urgent: true,
    input: OffboardInput,
    result: OffboardingResult,
    shows: ({ purgeAfter, purge, sessionsEnded }: Described<typeof OffboardingResult>) => [
      ...row("sessions ended", sessionsEnded?.toString()),
      ...row(
        "to be purged",
        purgeAfter && (purge ? "right behind" : `after ${purgeAfter}, unless it is restored`),
      ),
    ],
    followedBy: {
      kind: "PURGE",
      title: "Purging",
      when: ({ purge }: Described<typeof OffboardingResult>) => purge,
    },
    mutation: {
      name: "offboardTenant",
      description:
        "Takes a tenant out of use for good and starts its retention window, in which it can be restored and after which it is purged.",
    },
    command: {
      words: "tenant offboard",
      does: "take a tenant out of use for good; it is purged when its retention window ends",
      title: "Offboarding",
      example: "--slug acme --retention-days 90",
      asks: {
        purge: "Take tenant '{slug}' out of use and remove everything that it holds, for good?",
        always:
          "Take tenant '{slug}' out of use, until it is purged at the end of its retention window?",
      },
    },
  },
  (ports) => ({
    prepare: async (_em, tenant, { actor, input }) => {
      // Without a window the platform's own purge comes right behind: that is purging, too.
      if (input.purge || input.retentionDays === 0) authorize(actor, "tenant:purge");
      refuseHeld(actor, "OFFBOARD", tenant);
    },
    reason: ({ reason }) => reason,
    phases: [
      ...closingPhases<OffboardInput, OffboardFacts>(ports),
      {
        name: "OFFBOARDED",
        where: "platform",
        ensure: offboard,
        undo: nothing("it is the last phase"),
      },
    ],
    settle: async ({ operationId, dryRun, facts }, em, { state }) => {
      if (dryRun || state !== "SUCCEEDED" || facts.purgeAfter === undefined) return;
      await setTimer(ports, em, operationId, new Date(facts.purgeAfter));
    },
    result: ({ input, facts }) => ({
      offboardedFrom: facts.from ?? null,
      purgeAfter: facts.purgeAfter ?? null,
      purge: input.purge,
      sessionsEnded: facts.sessionsEnded ?? null,
    }),
  }),
);

async function offboard(run: OffboardRun, em: EntityManager): Promise<Partial<OffboardFacts>> {
  const { status } = await run.tenant(em);
  const { retentionDays, purge, reason } = run.input;
  const from = status === "SUSPENDED" ? "SUSPENDED" : "ACTIVE";
  const end = await windowEnd(em, purge ? 0 : retentionDays);
  await run.update(em, { status: "OFFBOARDED", offboardedFrom: from, purgeAfter: end });
  const purgeAfter = end.toISOString();
  run.record(em, "TENANT_OFFBOARDED", { reason, from, purgeAfter, purge });
  return { from, purgeAfter };
}
