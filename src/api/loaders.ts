import type { EntityName } from "@mikro-orm/core";
import DataLoader from "dataloader";
import { AuditEventEntity, type AuditRow } from "../audit/audit-event.entity.ts";
import type { EntityManager } from "../database/orm.ts";
import { type ServiceToken, ServiceTokenEntity } from "../iam/tokens/service-token.entity.ts";
import { type PlatformUser, PlatformUserEntity } from "../iam/users/platform-user.entity.ts";
import { type Identity, IdentityEntity } from "../invitations/identity.entity.ts";
import { type Invitation, InvitationEntity } from "../invitations/invitation.entity.ts";
import { type Membership, MembershipEntity } from "../invitations/membership.entity.ts";
import { newestMails } from "../invitations/people.ts";
import type { Mail } from "../mail/mail.entity.ts";
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
  readonly identity: DataLoader<string, Identity | null>;
  readonly invitation: DataLoader<string, Invitation | null>;
  readonly membership: DataLoader<string, Membership | null>;
  /** By the id of the invitation or membership that it is about. */
  readonly newestMail: DataLoader<string, Mail | null>;
  readonly serviceToken: DataLoader<string, ServiceToken | null>;
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
  const { reader, clusters } = platform;
  const by = <Value>(read: (em: EntityManager, ids: Ids) => Promise<(id: string) => Value>) =>
    new DataLoader<string, Value>(
      async (ids) => ids.map(await read(reader.em.fork() as EntityManager, [...new Set(ids)])),
      { cache: false, maxBatchSize: 500 },
    );
  const byId = <Row extends { id: string }>(entity: EntityName<Row>) =>
    by(async (em, ids) => pick(await em.find(entity, { id: { $in: [...ids] } } as never)));
  return {
    tenant: byId(TenantEntity),
    dbServer: byId(DbServerEntity),
    auditEvent: byId<AuditRow>(AuditEventEntity),
    platformUser: byId(PlatformUserEntity),
    operation: byId(OperationEntity),
    identity: byId(IdentityEntity),
    invitation: byId(InvitationEntity),
    membership: byId(MembershipEntity),
    serviceToken: byId(ServiceTokenEntity),
    newestMail: by(newestMails),
    activeOperation: by(async (em, ids) => {
      const active = { subjectId: { $in: [...ids] }, finishedAt: null };
      return pick(await em.find(OperationEntity, active), (operation) => operation.subjectId);
    }),
    phases: by(readPhases),
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
