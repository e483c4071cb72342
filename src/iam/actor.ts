import { z } from "zod";
import { type Described, describedEnum, describedObject } from "../kernel/described.ts";
import type { Role } from "./roles.ts";

const ActorKind = describedEnum("ActorKind", "What kind of actor acts.", {
  USER: "A platform user.",
  SERVICE_TOKEN: "A script with a service token.",
  OS_USER: "Somebody at the machine, with the break-glass command.",
  SYSTEM: "Tenantry itself.",
});

/** An actor as operations and service tokens name it. */
export const ActorView = describedObject("Actor", "Who asked for something.", {
  kind: ActorKind.describe("What kind of actor it is."),
  id: z
    .string()
    .describe("The id of the platform user or service token; for an OS user its login name."),
  name: z.string().describe("Who that is, for people."),
});

/** Who asks. The id of an OS user has the host, too: `ada@bastion`. */
export interface Actor extends Described<typeof ActorView> {
  readonly role: Role;
  /** Where the request came from; null where there is no network in between. */
  readonly address: string | null;
}
