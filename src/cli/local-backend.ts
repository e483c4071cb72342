import type { EntityManager } from "../database/orm.ts";
import type { Actor } from "../iam/actor.ts";
import { type Action, authorize } from "../iam/grants.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
import { followEvents } from "../operations/engine/follow.ts";
import { workersSeen } from "../operations/engine/liveness.ts";
import { type Operation, OperationEntity } from "../operations/engine/operation.entity.ts";
import { listOperations, versionFilter } from "../operations/list.ts";
import { startOnTenant } from "../operations/parts/start-on-tenant.ts";
import { cancelOperation, retryOperation } from "../operations/retry-and-cancel.ts";
import { DbServerEntity } from "../placement/db-server.entity.ts";
import type { Platform } from "../platform.ts";
import { shownLimits } from "../tenants/limits.ts";
import { listTenants } from "../tenants/list.ts";
import { tenantByKey } from "../tenants/registry.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import type { Backend, ShownTenant, TenantDetails } from "./backend.ts";
import { bringWorkerAlong } from "./helper-worker.ts";
import { placeIn } from "./servers/clusters.ts";
import { adminAccess } from "./tenant/first-admin-access.ts";
import { firstRows } from "./terminal/first-rows.ts";

/** Works directly on the platform's database, as `actor`: also while the API is down. */
export function localBackend(platform: Platform, actor: Actor): Backend {
  const em = () => platform.orm.em.fork() as EntityManager;
  const allow = (action: Action) => authorize(actor, action);
  const known = async (id: string, action: Action) => {
    allow(action);
    return await readOperation(em(), id);
  };
  return {
    start: async (act, request, options) => {
      allow(act === "provisionTenant" ? "tenant:provision" : "tenant:operate");
      return await startOnTenant(
        platform,
        actor,
        platform.operations[act] as never,
        request,
        options,
      );
    },
    retry: async (id) => {
      await known(id, "operation:retry");
      return await retryOperation(platform, actor, id);
    },
    cancel: async (id) => {
      await known(id, "operation:cancel");
      return await cancelOperation(platform, actor, id);
    },
    operation: (id) => known(id, "operation:read"),
    events: (id) => followEvents(platform, id, 0),
    operations: async (filter, limit) => {
      allow("operation:read");
      return await firstRows(limit, (page) => listOperations(em(), filter, page));
    },
    tenants: async (wanted, behind, limit) => {
      allow("tenant:read");
      const version = behind && (await versionFilter(platform.config.tenantMigrations, true));
      const filter = { ...wanted, people: true, ...(version ? { version } : {}) };
      const { rows, more } = await firstRows(limit, (page) => listTenants(em(), filter, page));
      return { rows: rows.map((row) => shown(platform, row)), more };
    },
    tenant: async (key) => {
      allow("tenant:read");
      allow("secret-name:read");
      return await detailsOf(platform, em(), await tenantByKey(em(), key));
    },
    adminAccess: (operation) => adminAccess({ platform, actor }, operation),
    workers: () => workersSeen(em()),
    bringWorkerAlong: (out) => bringWorkerAlong(platform, out),
  };
}

async function readOperation(em: EntityManager, id: string): Promise<Operation> {
  const operation = isId(id) ? await em.findOne(OperationEntity, { id }) : null;
  if (operation) return operation;
  throw new DomainError("E_OPERATION_NOT_FOUND", { message: `Operation '${id}' not found` });
}

function shown({ config }: Platform, tenant: Tenant): ShownTenant {
  const { failureCode: code, failureMessage: message, dbServerId: _, ...more } = tenant;
  const { connectionLimit, statementTimeoutSeconds, idleInTransactionTimeoutSeconds, ...facts } =
    more;
  const limits = shownLimits(config.tenantLimits, tenant);
  return { ...facts, limits, failure: code === null ? null : { code, message } };
}

async function detailsOf(
  platform: Platform,
  em: EntityManager,
  tenant: Tenant,
): Promise<TenantDetails> {
  const { id, dbServerId } = tenant;
  const server = dbServerId && (await em.findOne(DbServerEntity, { id: dbServerId }));
  const cluster = server ? await platform.clusters.read(server) : null;
  const page = { first: 10, after: null };
  const { rows } = await listOperations(em, { subjectId: id }, page);
  const operations = rows.map(({ id, kind, state, createdAt }) => ({ id, kind, state, createdAt }));
  const clusterPlace = cluster && placeIn(cluster, tenant.schemaName);
  return {
    ...shown(platform, tenant),
    dbServer: server ? server.name : null,
    clusterPlace,
    operations,
  };
}
