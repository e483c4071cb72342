import { z } from "zod";
import type { EntityManager } from "../database/orm.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { reasonField } from "../kernel/input.ts";
import { row } from "../kernel/labelled.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { type ClosedFacts, closingPhases, sessionsEndedField } from "./credentials/tenant-login.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing } from "./engine/phase.ts";
import type { TenantRun } from "./tenant-run.ts";

const SuspendInput = z
  .strictObject({
    ...namedTenant,
    reason: reasonField.nullable().default(null).meta({
      description: "Why it is done, 1 to 500 characters, for the audit trail.",
      flag: "--reason <text>",
      help: "why, for the audit trail",
    }),
  })
  .describe("The tenant to suspend.");
export type SuspendInput = z.infer<typeof SuspendInput>;

const SuspensionResult = describedObject("SuspensionResult", "What came of suspending a tenant.", {
  sessionsEnded: sessionsEndedField,
});

type SuspendRun = TenantRun<SuspendInput, ClosedFacts>;

/** Keeps a tenant's application and its users out; nothing of the tenant is lost. */
export const suspendTenant = defineOperation<SuspendInput, ClosedFacts>(
  {
    kind: "SUSPEND",
    does: "Takes a tenant out of use: its application cannot log in any more.",
    grant: "tenant:operate",
    urgent: true,
    input: SuspendInput,
    result: SuspensionResult,
    shows: ({ sessionsEnded }: Described<typeof SuspensionResult>) =>
      row("sessions ended", sessionsEnded?.toString()),
    mutation: {
      name: "suspendTenant",
      description:
        "Takes a tenant out of use: its application cannot log in any more, its open sessions are ended, and nothing is lost.",
    },
    command: {
      words: "tenant suspend",
      does: "keep a tenant's application and users out; nothing is lost",
      title: "Suspending",
      example: '--slug acme --reason "unpaid"',
    },
  },
  (ports) => ({
    reason: ({ reason }) => reason,
    phases: [
      ...closingPhases<SuspendInput, ClosedFacts>(ports),
      {
        name: "SUSPENDED",
        where: "platform",
        ensure: suspend,
        undo: nothing("it is the last phase"),
      },
    ],
    result: ({ facts }) => ({ sessionsEnded: facts.sessionsEnded ?? null }),
  }),
);

async function suspend(run: SuspendRun, em: EntityManager): Promise<undefined> {
  const { sessionsEnded = 0 } = run.facts;
  await run.update(em, { status: "SUSPENDED" });
  run.record(em, "TENANT_SUSPENDED", { reason: run.input.reason, sessionsEnded });
}
