import { z } from "zod";
import type { EntityManager } from "../database/orm.ts";
import { authorize } from "../iam/grants.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { reasonField } from "../kernel/input.ts";
import type { Check } from "../tenant-schemas/verify-tenant-schema.ts";
import { ReadinessCheck } from "../tenant-schemas/verify-tenant-schema.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing } from "./engine/phase.ts";
import { registeredVersion } from "./migrate/version.ts";
import {
  activate,
  checkReadiness,
  checksShown,
  failedChecks,
  refuseUnready,
} from "./readiness/readiness.ts";
import { refuseUnfinished } from "./readiness/unfinished.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import type { TenantRun } from "./tenant-run.ts";

const ActivateInput = z
  .strictObject({
    ...namedTenant,
    force: z.boolean().default(false).meta({
      description:
        "Whether to activate it although checks fail: for administrators, with a reason, which the audit trail keeps with what failed.",
      flag: "--force",
      help: "activate it although checks fail; needs --reason",
    }),
    reason: reasonField.nullable().default(null).meta({
      description: "Why it is done, 1 to 500 characters; needed with `force`.",
      flag: "--reason <text>",
      help: "why, for the audit trail",
    }),
  })
  .refine(({ force, reason }) => !force || reason !== null, {
    path: ["reason"],
    message: "is needed with force",
  })
  .describe("The tenant to activate.");
export type ActivateInput = z.infer<typeof ActivateInput>;

const ActivationResult = describedObject(
  "ActivationResult",
  "What came of activating a tenant; of one that was not ready, too.",
  {
    version: z
      .string()
      .nullable()
      .describe("The last migration applied to the schema; null when there is none."),
    checks: z.array(ReadinessCheck).describe("The readiness checks as they came out."),
  },
);

interface ActivateFacts {
  readonly checks: readonly Check[];
  readonly migrations: number;
  readonly version: string | null;
}

type ActivateRun = TenantRun<ActivateInput, ActivateFacts>;

/** Makes a tenant ACTIVE when it is ready, or by force. */
export const activateTenant = defineOperation<ActivateInput, ActivateFacts>(
  {
    kind: "ACTIVATE",
    does: "Checks whether a tenant is ready, and makes it ACTIVE.",
    grant: "tenant:operate",
    appliesFiles: true,
    input: ActivateInput,
    result: ActivationResult,
    shows: ({ version, checks }: Described<typeof ActivationResult>) => [
      ["version", version ?? "none"],
      ...checksShown(checks),
    ],
    mutation: {
      name: "activateTenant",
      description:
        "Runs the readiness checks of a tenant and makes it ACTIVE when all of them pass; the operation's result tells each. `force` is for administrators.",
    },
    command: {
      words: "tenant activate",
      does: "check whether a tenant is ready, and make it active",
      title: "Activating",
      example: "--slug acme",
    },
  },
  (ports) => ({
    prepare: async (em, tenant, { actor, input }) => {
      if (input.force) authorize(actor, "tenant:force");
      if (!input.force || tenant.dbServerId === null) await refuseUnfinished(em, tenant);
    },
    reason: ({ reason }) => reason,
    phases: [
      {
        name: "READINESS_CHECKED",
        where: "outside",
        ensure: (run) => check(ports, run),
        undo: nothing("it only looks"),
      },
      {
        name: "ACTIVATED",
        where: "platform",
        ensure: (run, em) => register(ports, run, em),
        undo: nothing("it is the last phase"),
      },
    ],
    result: async (run, em) => ({
      checks: run.facts.checks ?? [],
      version: (await registeredVersion(em, run)).version,
    }),
  }),
);

async function check(ports: TenantPorts, run: ActivateRun): Promise<Partial<ActivateFacts>> {
  const site = await run.site();
  const readiness = await checkReadiness(ports, run, site, site.tenant.seedSets);
  const { checks, migrations, version } = readiness;
  return { checks, migrations, version };
}

async function register(
  ports: TenantPorts,
  run: ActivateRun,
  em: EntityManager,
): Promise<undefined> {
  const { checks = [], migrations = 0, version = null } = run.facts;
  const { force: forced, reason } = run.input;
  if (!forced) refuseUnready({ checks });
  await run.update(em, { schemaVersion: version, migrationsApplied: migrations });
  await activate(ports, run, em);
  const failed = failedChecks({ checks }).map(({ name, message }) =>
    `${name}: ${message}`.slice(0, 500),
  );
  run.record(em, "TENANT_ACTIVATED", { forced, reason, failedChecks: failed });
}
