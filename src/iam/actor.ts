import type { ActorView } from "../kernel/actor-view.ts";
import type { Role } from "./roles.ts";

/** Who asks. */
export interface Actor extends ActorView {
  readonly kind: Exclude<ActorView["kind"], "IDENTITY" | "ANONYMOUS">;
  readonly role: Role;
  /** Where the request came from; null where there is no network in between. */
  readonly address: string | null;
}
