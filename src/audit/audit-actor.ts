import { z } from "zod";
import { type Described, describedEnum, describedObject } from "../kernel/described.ts";

export const AuditActorKind = describedEnum(
  "AuditActorKind",
  "What kind of actor an audit event tells of.",
  {
    USER: "A platform user.",
    SERVICE_TOKEN: "A script with a service token.",
    OS_USER: "Somebody at the machine, with the break-glass command.",
    SYSTEM: "Tenantry itself.",
    IDENTITY: "A user of a tenant.",
    ANONYMOUS:
      "Nobody known: a try to sign in to an account that does not exist, or somebody who asks for another password.",
  },
);

/** The actor of an audit event as the API shows it. */
export const AuditActorView = describedObject("AuditActor", "Who did what an audit event tells.", {
  kind: AuditActorKind.describe("What kind of actor it is."),
  id: z
    .string()
    .describe(
      "The id of the user or service token; for an OS user the login name and host, `ada@bastion`.",
    ),
  name: z.string().describe("Who that was at the time, for people."),
});
export type AuditActorView = Described<typeof AuditActorView>;
