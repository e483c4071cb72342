import { z } from "zod";
import type { EntityManager } from "../database/orm.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { reasonField } from "../kernel/input.ts";
import { row } from "../kernel/labelled.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import {
  chooseRole,
  closeNewLogin,
  type NewLoginFacts,
  openNewLogin,
  readBack,
  restoreSecret,
  storeNewLogin,
} from "./credentials/new-login.ts";
import { type RetiredFacts, retiringPhases } from "./credentials/old-login.ts";
import { verifyLogin } from "./credentials/tenant-login.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing, type Skipped, skipped } from "./engine/phase.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import type { TenantRun } from "./tenant-run.ts";
import { secondsUntil, timeIn } from "./timers/database-clock.ts";
import { MAX_GRACE_S } from "./timers/grace-end.ts";

export const RotateInput = z
  .strictObject({
    ...namedTenant,
    gracePeriodSeconds: z.int().min(0).max(MAX_GRACE_S).default(3_600).meta({
      description:
        "How many seconds the old login stays open behind the new one, 0 to 604800; 0 closes it at once.",
      flag: "--grace-period <seconds>",
      help: "how long the old login stays open; 0 closes it at once (default: 3600)",
    }),
    endGrace: z.boolean().default(false).meta({
      description:
        "Whether to close a login first that an earlier rotation has left open; otherwise that is refused with E_GRACE_RUNNING.",
      flag: "--end-grace",
      help: "first close a login that an earlier rotation has left open",
    }),
    reason: reasonField.nullable().default(null).meta({
      description: "Why it is done, 1 to 500 characters, for the audit trail.",
      flag: "--reason <text>",
      help: "why, for the audit trail",
    }),
  })
  .describe("The tenant whose credentials to rotate.");
export type RotateInput = z.infer<typeof RotateInput>;

const CredentialRotationResult = describedObject(
  "CredentialRotationResult",
  "What came of rotating a tenant's credentials, or what a dry run of it found.",
  {
    from: z
      .string()
      .nullable()
      .describe("The PostgreSQL role that the application logged in as before."),
    to: z.string().nullable().describe("The PostgreSQL role that takes its place."),
    secretVersion: z
      .string()
      .nullable()
      .describe(
        "The version of the secret that holds the new login, as the secret store names it; null where it did not come to that.",
      ),
    oldLoginOpenUntil: z.iso
      .datetime()
      .nullable()
      .describe("The end of the old login's grace period; null where the rotation failed."),
  },
);

interface RotateFacts extends NewLoginFacts, RetiredFacts {
  /** In ISO 8601. */
  readonly oldLoginOpenUntil: string;
}

type RotateRun = TenantRun<RotateInput, RotateFacts>;

/**
 * Gives a tenant's application a new login: the other one of its two app roles, with a new password.
 * That one is open before the secret leads to it, and the old one until its grace period has ended
 * behind that: whoever reads the secret gets in, at every moment. Closing is an operation of its own.
 */
export const rotateCredentials = defineOperation<RotateInput, RotateFacts>(
  {
    kind: "ROTATE_CREDENTIALS",
    does: "Gives a tenant's application a new login; the old one stays open for a grace period.",
    grant: "tenant:operate",
    input: RotateInput,
    result: CredentialRotationResult,
    shows: ({
      from,
      to,
      secretVersion,
      oldLoginOpenUntil,
    }: Described<typeof CredentialRotationResult>) => [
      ...row("new login", to),
      ...row("secret version", secretVersion),
      ...row(
        "old login",
        from && `${from}${oldLoginOpenUntil ? `, open until ${oldLoginOpenUntil}` : ""}`,
      ),
    ],
    followedBy: {
      kind: "RETIRE_CREDENTIALS",
      title: "Closing the old login of",
      when: ({ oldLoginOpenUntil }: Described<typeof CredentialRotationResult>, { finishedAt }) =>
        oldLoginOpenUntil !== null && finishedAt !== null && oldLoginOpenUntil <= finishedAt,
    },
    mutation: {
      name: "rotateTenantCredentials",
      description:
        "Gives a tenant's application a new login and stores it as the newest version of the secret. Whoever reads the secret gets in at every moment; the old login is closed when the grace period ends, by an operation of its own.",
      dryRun: "Whether only to say which role would take its turn, and to write nothing.",
    },
    command: {
      words: "tenant rotate-credentials",
      does: "give a tenant's application a new login; the old one closes after a while",
      title: "Rotating the credentials of",
      example: "--slug acme",
      dryRun: "show which role would take its turn, write nothing",
    },
  },
  (ports) => ({
    prepare: async (_em, tenant, { input }) => {
      if (!input.endGrace) refuseInGrace(tenant);
    },
    reason: ({ reason }) => reason,
    phases: [
      {
        name: "ROLE_CHOSEN",
        where: "outside",
        inDryRun: true,
        ensure: (run) => chooseRole(ports, run),
        undo: nothing("it only looks"),
      },
      ...retiringPhases<RotateInput, RotateFacts>(ports, ({ endGrace }) => endGrace),
      {
        name: "NEW_LOGIN_OPENED",
        where: "outside",
        ensure: (run) => openNewLogin(ports, run),
        undo: (run) => closeNewLogin(ports, run),
      },
      {
        name: "SECRET_STORED",
        where: "outside",
        ensure: (run) => storeNewLogin(ports, run),
        undo: (run) => restoreSecret(ports, run),
      },
      {
        name: "VERIFIED",
        where: "outside",
        ensure: (run) => verify(ports, run),
        undo: nothing("it only looks"),
      },
      {
        name: "ROTATED",
        where: "platform",
        ensure: (run, em) => rotate(ports, run, em),
        undo: nothing("it is the last phase"),
      },
    ],
    settle: async ({ operationId, facts, dryRun }, em, { state }) => {
      if (dryRun || state !== "SUCCEEDED" || facts.oldLoginOpenUntil === undefined) return;
      const left = await secondsUntil(em, new Date(facts.oldLoginOpenUntil));
      await ports.queue.enqueueTimer(em, operationId, left);
    },
    result: ({ facts }) => ({
      from: facts.from ?? null,
      to: facts.to ?? null,
      secretVersion: facts.secretVersion ?? null,
      oldLoginOpenUntil: facts.oldLoginOpenUntil ?? null,
    }),
  }),
);

/** @throws DomainError E_GRACE_RUNNING naming until when the old login is open */
function refuseInGrace({ slug, retiringRole, retiringUntil }: Tenant): void {
  if (retiringUntil === null) return;
  throw new DomainError("E_GRACE_RUNNING", {
    message: `The login ${retiringRole} of tenant '${slug}' is open until ${retiringUntil.toISOString()}, when it is closed`,
  });
}

async function verify(ports: TenantPorts, run: RotateRun): Promise<Skipped | undefined> {
  const { status } = (await readBack(ports, run)).tenant;
  if (status !== "ACTIVE") return skipped(`the tenant is ${status}: resuming it logs in`);
  return await verifyLogin(ports, run);
}

async function rotate(
  ports: TenantPorts,
  run: RotateRun,
  em: EntityManager,
): Promise<Partial<RotateFacts>> {
  const { status } = await run.tenant(em);
  const { from, to, secretVersion } = run.facts;
  if (from === undefined || to === undefined || secretVersion === undefined)
    throw new Error("A rotation ends with its new login");
  // Where no login is open, there is none to give time to.
  const end = await timeIn(em, status === "ACTIVE" ? run.input.gracePeriodSeconds : 0);
  await run.update(em, {
    appRole: to,
    retiringRole: from,
    retiringUntil: end,
    credentialsRotatedAt: ports.clock(),
  });
  const oldLoginOpenUntil = end.toISOString();
  const detail = { reason: run.input.reason, from, to, secretVersion, oldLoginOpenUntil };
  run.record(em, "TENANT_CREDENTIALS_ROTATED", detail);
  return { oldLoginOpenUntil };
}
