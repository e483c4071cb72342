import type { CommandOperationFragment } from "../../client/generated/graphql.ts";
import { OperationProgress } from "../../client/operation-progress.ts";
import type { ApiAccess } from "../../config.ts";
import { DomainError, isDomainError } from "../../kernel/domain-error.ts";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import type { ActName, Backend, FirstRows, ShownEvent, ShownOperation } from "../backend.ts";
import type { AdminAccess } from "../tenant/first-admin-access.ts";
import { documentOf, openRemoteApi, payloadOf, type RemoteApi } from "./api.ts";
import {
  CancelOperation,
  FindOperation,
  FindWorkers,
  ListOperations,
  RetryOperation,
  RevealOneTimePassword,
} from "./operation-documents.ts";
import { OPERATION, REFUSAL } from "./operation-fragments.ts";
import { detailsOf, eventOf, operationOf, tenantOf } from "./rows.ts";
import { FindTenant, ListTenants } from "./tenant-documents.ts";

type Request = Readonly<Record<string, unknown>>;

/** Works over the API, as the token: what the token's role allows, and what the API can do. */
export function openRemoteBackend(access: ApiAccess): {
  readonly backend: Backend;
  close(): Promise<void>;
} {
  const api = openRemoteApi(access);
  // The API does not tell what was asked for; of what this command has started itself, it is known.
  const asked = new Map<string, Request>();
  const shown = (row: CommandOperationFragment) => operationOf(row, asked.get(row.id) ?? {});
  const backend: Backend = {
    start: async (act, request, { dryRun, idempotencyKey }) => {
      const started = await start(api, act, {
        ...{ ...request, idempotencyKey },
        ...(dryRun ? { dryRun } : {}),
      });
      asked.set(started.operation.id, request);
      return { operation: shown(started.operation), replayed: started.replayed };
    },
    retry: async (id) => {
      const { retryOperation } = await api.execute(RetryOperation, { id });
      return shown(payloadOf(retryOperation).operation);
    },
    cancel: async (id) => {
      const { cancelOperation } = await api.execute(CancelOperation, { id });
      return shown(payloadOf(cancelOperation).operation);
    },
    operation: async (id) => {
      const { operation } = await api.execute(FindOperation, { id });
      if (operation) return shown(operation);
      throw new DomainError("E_OPERATION_NOT_FOUND", { message: `Operation '${id}' not found` });
    },
    events: (id) => follow(api, id),
    operations: async ({ subjectId: _, ...filter }, limit) => {
      const read = async (page: Page) => {
        const { operations } = await api.execute(ListOperations, {
          ...{ filter: filter as never, ...page },
        });
        return operations;
      };
      const { rows, more } = await firstNodes(limit, read);
      return { rows: rows.map(shown), more };
    },
    tenants: async (wanted, behind, limit) => {
      const filter = { ...wanted, ...(behind ? { behind } : {}) } as never;
      const { rows, more } = await firstNodes(limit, async (page) => {
        return (await api.execute(ListTenants, { filter, ...page })).tenants;
      });
      return { rows: rows.map(tenantOf), more };
    },
    tenant: async (key) => {
      const { tenant } = await api.execute(FindTenant, { by: key as never });
      if (tenant) return detailsOf(tenant);
      const named = "slug" in key ? `Tenant slug '${key.slug}'` : `Tenant '${key.id}'`;
      throw new DomainError("E_TENANT_NOT_FOUND", { message: `${named} not found` });
    },
    adminAccess: (operation) => adminAccess(api, operation),
    workers: async () => {
      const { workers } = await api.execute(FindWorkers, {});
      const { alive, lastSeenAt } = workers;
      return { alive, lastSeenAt: lastSeenAt === null ? null : new Date(lastSeenAt) };
    },
    bringWorkerAlong: async () => null,
  };
  return { backend, close: () => api.close() };
}

/** The mutations that are not named like their operation. */
const MUTATIONS: Partial<Record<ActName, string>> = {
  rotateCredentials: "rotateTenantCredentials",
  retireCredentials: "retireTenantCredentials",
};

type StartResult =
  | { readonly replayed: boolean; readonly operation: CommandOperationFragment }
  | { readonly code: ErrorCode };

async function start(api: RemoteApi, act: ActName, input: Request) {
  const mutation = MUTATIONS[act] ?? act;
  const type = mutation.charAt(0).toUpperCase() + mutation.slice(1);
  const document = documentOf<{ readonly started: StartResult }, { readonly input: Request }>(
    `mutation ($input: ${type}Input!) { started: ${mutation}(input: $input) {
      ... on ${type}Payload { replayed operation { ...CommandOperation } } ...CommandRefusal } }`,
    [OPERATION, REFUSAL],
  );
  return payloadOf((await api.execute(document, { input })).started);
}

function follow(api: RemoteApi, id: string): AsyncIterableIterator<ShownEvent> {
  const source = api.subscribe(
    OperationProgress,
    { operationId: id },
    ({ operationEvents }) => operationEvents.cursor,
  );
  return {
    next: async () => {
      const { value, done } = await source.next();
      if (done) return { value: undefined, done: true };
      return { value: eventOf(id, value.operationEvents), done: false };
    },
    return: async () => {
      await source.return?.();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

interface Page {
  readonly first: number;
  readonly after: string | null;
}

interface Connection<Node> {
  readonly nodes: readonly Node[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** Rows of a page: so few, that asking for all that is shown of each costs less than the API allows. */
const PAGE = 40;

async function firstNodes<Node>(
  limit: number,
  read: (page: Page) => Promise<Connection<Node>>,
): Promise<FirstRows<Node>> {
  const rows: Node[] = [];
  for (let after: string | null = null; ; ) {
    const { nodes, pageInfo } = await read({ first: Math.min(PAGE, limit - rows.length), after });
    rows.push(...nodes);
    if (!pageInfo.hasNextPage || nodes.length === 0) return { rows, more: false };
    if (rows.length >= limit) return { rows, more: true };
    after = pageInfo.endCursor;
  }
}

/** As at the machine, but for the mail, which leaves from there. */
async function adminAccess(api: RemoteApi, operation: ShownOperation): Promise<AdminAccess> {
  const summary = operation.result?.summary as { readonly credential?: string } | undefined;
  const known = {
    firstAdmin: String(operation.input.adminEmail),
    credential: summary?.credential ?? "",
    mail: null,
  };
  if (known.credential !== "ONE_TIME_PASSWORD") return { ...known, oneTimePassword: null };
  try {
    const { revealOneTimePassword } = await api.execute(RevealOneTimePassword, {
      id: operation.id,
    });
    const { email, oneTimePassword: value, expiresAt } = payloadOf(revealOneTimePassword);
    return { ...known, oneTimePassword: { email, value, expiresAt: new Date(expiresAt) } };
  } catch (error) {
    if (isDomainError(error, "E_PASSWORD_REVEALED")) return { ...known, oneTimePassword: null };
    throw error;
  }
}
