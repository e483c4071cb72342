import { z } from "zod";
import type { EntityManager } from "../database/orm.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { closeLoginAgain, openLogin, verifyLogin } from "./credentials/tenant-login.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing } from "./engine/phase.ts";
import type { TenantRun } from "./tenant-run.ts";

const ResumeInput = z.strictObject(namedTenant).describe("The tenant to resume.");
export type ResumeInput = z.infer<typeof ResumeInput>;

type ResumeRun = TenantRun<ResumeInput, Record<string, never>>;

/** Lets a suspended tenant's application and its users in again, once a real login has worked. */
export const resumeTenant = defineOperation<ResumeInput, Record<string, never>>(
  {
    kind: "RESUME",
    does: "Takes a suspended tenant into use again.",
    grant: "tenant:operate",
    input: ResumeInput,
    mutation: {
      name: "resumeTenant",
      description:
        "Takes a suspended tenant into use again, once its application's login has worked.",
    },
    command: {
      words: "tenant resume",
      does: "let a suspended tenant's application and users in again",
      title: "Resuming",
      example: "--slug acme",
    },
  },
  (ports) => ({
    phases: [
      {
        name: "LOGIN_OPENED",
        where: "outside",
        ensure: (run) => openLogin(ports, run),
        undo: (run) => closeLoginAgain(ports, run),
      },
      {
        name: "VERIFIED",
        where: "outside",
        ensure: (run) => verifyLogin(ports, run),
        undo: nothing("it only looks"),
      },
      {
        name: "RESUMED",
        where: "platform",
        ensure: resume,
        undo: nothing("it is the last phase"),
      },
    ],
  }),
);

async function resume(run: ResumeRun, em: EntityManager): Promise<undefined> {
  await run.update(em, { status: "ACTIVE" });
  run.record(em, "TENANT_RESUMED", {});
}
