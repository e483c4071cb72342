import DataLoader from "dataloader";
import { AuditEventEntity, type AuditRow } from "../audit/audit-event.entity.ts";
import type { EntityManager } from "../database/orm.ts";
import { type PlatformUser, PlatformUserEntity } from "../iam/users/platform-user.entity.ts";
import {
  type ListedInvitation,
  type ListedMember,
  listInvitations,
  listMembers,
} from "../invitations/people.ts";
import {
  type Operation,
  OperationEntity,
  type OperationPhase,
  OperationPhaseEntity,
} from "../operations/engine/operation.entity.ts";
import { shareHealth } from "../operations/health/shared-health.ts";
import { type TenantHealth, tenantHealth } from "../operations/health/tenant-health.ts";
import { type CheckedServer, checkDbServers } from "../placement/check-server.ts";
import type { Cluster } from "../placement/cluster.ts";
import { type DbServer, DbServerEntity } from "../placement/db-server.entity.ts";
import type { Platform } from "../platform.ts";
import { type Tenant, TenantEntity } from "../tenants/tenant.entity.ts";

type Ids = readonly string[];

/** Reads many in one query, for all requests of a moment; remembers nothing. */
export interface Loaders {
  readonly tenant: DataLoader<string, Tenant | null>;
  readonly dbServer: DataLoader<string, DbServer | null>;
  readonly auditEvent: DataLoader<string, AuditRow | null>;
  readonly platformUser: DataLoader<string, PlatformUser | null>;
  readonly operation: DataLoader<string, Operation | null>;
  /** By the tenant's id. */
  readonly activeOperation: DataLoader<string, Operation | null>;
  /** By the operation's id, in order. */
  readonly phases: DataLoader<string, OperationPhase[]>;
  /** By the tenant's id, the newest first. */
  readonly invitations: DataLoader<string, ListedInvitation[]>;
  /** By the tenant's id, the newest first. */
  readonly members: DataLoader<string, ListedMember[]>;
  /** By the db server's id: null for one that is no Citus cluster. */
  readonly cluster: DataLoader<string, Cluster | null>;
  /** By the db server's id: tenants that count against its capacity. */
  readonly tenantCount: DataLoader<string, number>;
  /** How the tenant of a slug is, or all. @throws DomainError E_TENANT_NOT_FOUND, E_RATE_LIMITED */
  health(slug?: string): Promise<TenantHealth[]>;
  /** How the db server of a name is found, or all. @throws DomainError E_DB_SERVER_NOT_FOUND, E_RATE_LIMITED */
  serverChecks(name?: string): Promise<CheckedServer[]>;
}

/** Makes the loaders that all requests of a process share. */
export function makeLoaders(platform: Platform): Loaders {
  const { reader, clock, clusters } = platform;
  const by = <Value>(read: (em: EntityManager, ids: Ids) => Promise<(id: string) => Value>) =>
    new DataLoader<string, Value>(
      async (ids) => ids.map(await read(reader.em.fork() as EntityManager, [...new Set(ids)])),
      { cache: false, maxBatchSize: 500 },
    );
  return {
    tenant: by(async (em, ids) => pick(await em.find(TenantEntity, { id: { $in: [...ids] } }))),
    dbServer: by(async (em, ids) => pick(await em.find(DbServerEntity, { id: { $in: [...ids] } }))),
    auditEvent: by(async (em, ids) =>
      pick(await em.find(AuditEventEntity, { id: { $in: [...ids] } })),
    ),
    platformUser: by(async (em, ids) =>
      pick(await em.find(PlatformUserEntity, { id: { $in: [...ids] } })),
    ),
    operation: by(async (em, ids) =>
      pick(await em.find(OperationEntity, { id: { $in: [...ids] } })),
    ),
    activeOperation: by(async (em, ids) => {
      const active = { subjectId: { $in: [...ids] }, finishedAt: null };
      return pick(await em.find(OperationEntity, active), (operation) => operation.subjectId);
    }),
    phases: by(readPhases),
    invitations: by(async (em, ids) => {
      const found = await listInvitations(em, ids, clock());
      return (id) => found.get(id) ?? [];
    }),
    members: by(async (em, ids) => {
      const found = await listMembers(em, ids);
      return (id) => found.get(id) ?? [];
    }),
    tenantCount: by(countTenants),
    health: shareHealth((slug) => tenantHealth({ ...platform, orm: reader }, { slug })),
    serverChecks: shareHealth((name) => checkDbServers({ ...platform, orm: reader }, name)),
    cluster: by(async (em, ids) => {
      const servers = await em.find(DbServerEntity, { id: { $in: [...ids] } });
      const asked = servers.map(
        async (server) => [server.id, await clusters.read(server)] as const,
      );
      const found = new Map(await Promise.all(asked));
      return (id) => found.get(id) ?? null;
    }),
  };
}

const pick = <Row extends { id: string }>(
  rows: readonly Row[],
  key: (row: Row) => string | null = (row) => row.id,
) => {
  const found = new Map(rows.map((row) => [key(row), row]));
  return (id: string): Row | null => found.get(id) ?? null;
};

async function readPhases(em: EntityManager, ids: Ids) {
  const phases = await em.find(
    OperationPhaseEntity,
    { operationId: { $in: [...ids] } },
    { orderBy: { position: "asc" } },
  );
  const found = Map.groupBy(phases, (phase) => phase.operationId);
  return (id: string) => found.get(id) ?? [];
}

async function countTenants(em: EntityManager, ids: Ids) {
  const counts = await em.execute<{ id: string; tenants: number }[]>(
    `select db_server_id as id, count(*)::int as tenants from platform.tenant
     where db_server_id in (${ids.map(() => "?").join(", ")}) and status <> 'PURGED' group by db_server_id`,
    [...ids],
  );
  const found = new Map(counts.map(({ id, tenants }) => [id, tenants]));
  return (id: string) => found.get(id) ?? 0;
}
