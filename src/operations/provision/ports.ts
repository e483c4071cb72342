import type { Orm } from "../../database/orm.ts";
import type { InvitationCredentials } from "../../invitations/credentials.ts";
import type { SeededAdmin } from "../../invitations/first-admin.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { ServerConnections } from "../../placement/server-connections.ts";
import type { SecretStore } from "../../secrets/secret-store.ts";
import type { Run } from "../engine/phase.ts";
import type { OperationQueue } from "../engine/queue.ts";
import type { ProvisionInput } from "../provision-input.ts";

/** What provisioning works with. */
export interface ProvisionPorts {
  readonly orm: Orm;
  readonly secrets: SecretStore;
  readonly servers: ServerConnections;
  readonly credentials: InvitationCredentials;
  readonly queue: OperationQueue;
  readonly clock: Clock;
  readonly schemaPrefix: string;
  readonly migrationsDir: string;
  readonly seedsDir: string;
}

/** What the phases of provisioning find out for those after them and for the result. */
export interface ProvisionFacts {
  readonly dbServerId: string;
  readonly dbServer: string;
  readonly database: string;
  readonly migrations: readonly string[];
  readonly seedSets: readonly string[];
  readonly migrationsApplied: number;
  readonly schemaVersion: string | null;
  readonly seedRows: readonly { readonly set: string; readonly rows: number }[];
  readonly tables: number;
  readonly roleLogin: boolean;
  readonly credential: SeededAdmin["credential"];
}

export type ProvisionRun = Run<ProvisionInput, ProvisionFacts>;
