import type { Config } from "./config.ts";
import type { Orm } from "./database/orm.ts";
import type { ExternalIssuer } from "./iam/single-sign-on/external-issuer.ts";
import type { Standings } from "./iam/standing.ts";
import type { SigningKeys } from "./iam/tokens/signing-keys.ts";
import type { InvitationCredentials } from "./invitations/credentials.ts";
import type { Clock } from "./kernel/clock.ts";
import type { Mailer } from "./mail/mailer.ts";
import type { Logger } from "./observability/logger.ts";
import type { OperationCatalog } from "./operations/catalog.ts";
import type { Feed } from "./operations/engine/feed.ts";
import type { AnyOperation } from "./operations/engine/phase.ts";
import type { OperationQueue } from "./operations/engine/queue.ts";
import type { ReadChanged, SharedReads } from "./operations/engine/shared-reads.ts";
import type { ProcessHistory } from "./operations/health/history/process-history.ts";
import type { Clusters } from "./placement/cluster.ts";
import type { ServerConnections } from "./placement/server-connections.ts";
import type { SecretStore } from "./secrets/secret-store.ts";
import type { Tenant } from "./tenants/tenant.entity.ts";

/** What `assemble` hands to the doors: every part of the running platform, already connected. */
export interface Platform {
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
  /** For what the doors write. */
  readonly orm: Orm;
  /** For what the doors read: answered also while every write waits. */
  readonly reader: Orm;
  /** For the worker: callers, however many, leave its connections alone. */
  readonly workerOrm: Orm;
  /** Connection URL of the platform database. */
  readonly databaseUrl: string;
  readonly secrets: SecretStore;
  /** Ways into db servers as their admin. */
  readonly servers: ServerConnections;
  readonly clusters: Clusters;
  readonly keys: SigningKeys;
  /** What this process has seen of the audit chain: a database that lost it lets nobody in. */
  readonly history: ProcessHistory;
  readonly standings: Standings;
  /** The single sign-on that is configured; null without one. */
  readonly issuer: ExternalIssuer | null;
  readonly credentials: InvitationCredentials;
  /**
   * Reads the platform's own keys from the secret store, for `keys`, `credentials` and whoever works as
   * a worker; services have done so. Most commands need none, and work while the store is away.
   */
  openKeys(): Promise<void>;
  readonly mailer: Mailer;
  readonly queue: OperationQueue;
  readonly feed: Feed;
  readonly reads: SharedReads;
  readonly changedTenants: ReadChanged<Tenant>;
  readonly operations: OperationCatalog;
  /** Every kind of operation, by its kind. */
  readonly definitions: ReadonlyMap<string, AnyOperation>;
  /** Lets go of every connection; workers and servers are stopped before. */
  close(): Promise<void>;
}
