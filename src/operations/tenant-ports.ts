import type { Orm } from "../database/orm.ts";
import type { InvitationCredentials } from "../invitations/credentials.ts";
import type { Clock } from "../kernel/clock.ts";
import type { MigrationSettings } from "../migration-folders/migration-source.ts";
import type { ServerConnections } from "../placement/server-connections.ts";
import type { SecretStore } from "../secrets/secret-store.ts";
import type { SeedSettings } from "../seeding/seed-folder.ts";
import type { TierLimits } from "../tenants/limits.ts";
import type { AppPasswords } from "./credentials/app-passwords.ts";
import type { OperationQueue } from "./engine/queue.ts";

/** What operations on tenants work with; each takes the part that it needs. */
export interface TenantPorts {
  readonly orm: Orm;
  readonly secrets: SecretStore;
  readonly servers: ServerConnections;
  readonly credentials: InvitationCredentials;
  readonly appPasswords: AppPasswords;
  readonly queue: OperationQueue;
  readonly clock: Clock;
  readonly schemaPrefix: string;
  readonly secretNameTemplate: string;
  readonly limits: TierLimits;
  readonly migrations: MigrationSettings;
  readonly seeds: SeedSettings;
}
