import { z } from "zod";
import { type Described, describedEnum, describedObject } from "./described.ts";

export const ActorKind = describedEnum("ActorKind", "What kind of actor acts.", {
  USER: "A platform user.",
  SERVICE_TOKEN: "A script with a service token.",
  OS_USER: "Somebody at the machine, with the break-glass command.",
  SYSTEM: "Tenantry itself.",
  IDENTITY: "A user of a tenant: in the audit trail only.",
  ANONYMOUS:
    "Nobody known, in the audit trail only: a try to sign in to an account that does not exist, or somebody who asks for another password.",
});

/** An actor as operations, service tokens and the audit trail name it. */
export const ActorView = describedObject("Actor", "Who asked for something.", {
  kind: ActorKind.describe("What kind of actor it is."),
  id: z.string().meta({
    description:
      "The id of the platform user or service token; for an OS user the login name and host, `ada@bastion`.",
    // What has an `id` is kept by it in the caches of clients, and the name of another time would replace this one.
    apiName: "principalId",
  }),
  name: z.string().describe("Who that was at the time, for people."),
});
export type ActorView = Described<typeof ActorView>;
