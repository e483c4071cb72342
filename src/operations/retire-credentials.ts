import { z } from "zod";
import { type Described, describedObject } from "../kernel/described.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { reasonField } from "../kernel/input.ts";
import { row } from "../kernel/labelled.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { type RetiredFacts, retiringPhases } from "./credentials/old-login.ts";
import { currentSecret } from "./credentials/own-secret.ts";
import { verifyLogin } from "./credentials/tenant-login.ts";
import { roleOf } from "./credentials/tenant-secret.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing, type Skipped, skipped } from "./engine/phase.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import type { TenantRun } from "./tenant-run.ts";

const RetireInput = z
  .strictObject({
    ...namedTenant,
    reason: reasonField.nullable().default(null).meta({
      description: "Why it is done, 1 to 500 characters, for the audit trail.",
      flag: "--reason <text>",
      help: "why, for the audit trail",
    }),
  })
  .describe("The tenant whose old login to close.");
export type RetireInput = z.infer<typeof RetireInput>;

const CredentialRetirementResult = describedObject(
  "CredentialRetirementResult",
  "What came of closing the login that a rotation had left open.",
  {
    closedRole: z
      .string()
      .nullable()
      .describe("The PostgreSQL role whose login was closed; null where none was open."),
    sessionsEnded: z
      .int()
      .nullable()
      .describe("How many of its open sessions were ended; null where none was open."),
  },
);

type RetireRun = TenantRun<RetireInput, RetiredFacts>;

/**
 * Closes the login that a rotation has left open for its grace period, at its end or at once. Not
 * before the new one has worked: the last login that works is never closed.
 */
export const retireCredentials = defineOperation<RetireInput, RetiredFacts>(
  {
    kind: "RETIRE_CREDENTIALS",
    does: "Closes the login that a rotation has left open. Begun by the platform at the end of the grace period.",
    grant: "tenant:operate",
    input: RetireInput,
    result: CredentialRetirementResult,
    shows: ({ closedRole, sessionsEnded }: Described<typeof CredentialRetirementResult>) => [
      ["closed", closedRole ?? "nothing: no old login was open"],
      ...row("sessions ended", sessionsEnded?.toString()),
    ],
    mutation: {
      name: "retireTenantCredentials",
      description:
        "Closes the login that a rotation has left open, before its grace period ends: with its password and its sessions. Nothing happens where none is open.",
    },
    command: {
      words: "tenant retire-credentials",
      does: "close the login that a rotation has left open, before its time",
      title: "Closing the old login of",
      example: "--slug acme",
    },
  },
  (ports) => ({
    reason: ({ reason }) => reason,
    phases: [
      {
        name: "LOGIN_VERIFIED",
        where: "outside",
        ensure: (run) => verify(ports, run),
        undo: nothing("it only looks"),
      },
      ...retiringPhases<RetireInput, RetiredFacts>(ports, () => true),
    ],
    result: ({ facts }) => ({
      closedRole: facts.closedRole ?? null,
      sessionsEnded: facts.sessionsEnded ?? null,
    }),
  }),
);

async function verify(ports: TenantPorts, run: RetireRun): Promise<Skipped | undefined> {
  const { tenant } = await run.site();
  if (tenant.retiringRole === null) return skipped("no old login is open");
  if (tenant.status !== "ACTIVE") return skipped(`the tenant is ${tenant.status}`);
  const secret = await currentSecret(ports, run, tenant);
  if (!secret || roleOf(secret) !== tenant.appRole) {
    throw new DomainError("E_TENANT_NOT_READY", {
      message: `The stored secret does not lead to ${tenant.appRole}: the old login stays open`,
      nextAction:
        "Give it a login that the secret leads to, with `rotateTenantCredentials` and `endGrace`.",
    });
  }
  return await verifyLogin(ports, run);
}
