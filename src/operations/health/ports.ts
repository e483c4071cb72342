import type { Logger } from "../../observability/logger.ts";
import type { ServerConnections } from "../../placement/server-connections.ts";
import type { AnyOperation } from "../engine/phase.ts";
import type { StartPorts } from "../engine/start-operation.ts";
import type { HealthPorts } from "./tenant-health.ts";

/** What repairs need beside what examining needs. */
export interface RepairPorts extends HealthPorts, StartPorts {
  /** Every kind of operation, by its kind. */
  readonly definitions: ReadonlyMap<string, AnyOperation>;
  /** For changes of the doctor's own that may take longer than an examination. */
  readonly servers: ServerConnections;
  readonly log: Logger;
}
