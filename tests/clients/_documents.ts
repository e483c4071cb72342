import type { TypedDocumentNode } from "@apollo/client";
import type { List, Page, ReadPage } from "./_pages.ts";
import {
  AuditEventsDocument,
  DbServerTenantsDocument,
  OperationEventsDocument,
  OperationsDocument,
  PlatformUsersDocument,
  ServiceTokensDocument,
  TenantInvitationsDocument,
  TenantMembersDocument,
  TenantOperationsDocument,
  TenantsDocument,
} from "./generated/graphql.ts";

/** The ids of what has lists. */
export interface Owners {
  readonly Tenant: string;
  readonly Operation: string;
  readonly DbServer: string;
}

/** Sends a document with a client and answers its data; errors are thrown. */
export type Ask = <Data, Variables extends Page>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
) => Promise<Data>;

/** How to read a list with a client: by its document, its owner's id and its place in the answer. */
const list =
  <Data, Owner extends object>(
    document: TypedDocumentNode<Data, Owner & Page>,
    ownerOf: (owners: Owners) => Owner,
    listOf: (data: Data) => List | null | undefined,
  ) =>
  (ask: Ask, owners: Owners): ReadPage =>
  async (page) =>
    listOf(await ask(document, { ...ownerOf(owners), ...page }));

const none = () => ({});
const tenant = (owners: Owners) => ({ id: owners.Tenant });

/** Every list of the API, by `lists.graphql`. */
export const LISTS = {
  "DbServer.tenants": list(
    DbServerTenantsDocument,
    (owners) => ({ id: owners.DbServer }),
    (data) => data.dbServer?.tenants,
  ),
  "Operation.events": list(
    OperationEventsDocument,
    (owners) => ({ id: owners.Operation }),
    (data) => data.operation?.events,
  ),
  "Query.auditEvents": list(AuditEventsDocument, none, (data) => data.auditEvents),
  "Query.operations": list(OperationsDocument, none, (data) => data.operations),
  "Query.platformUsers": list(PlatformUsersDocument, none, (data) => data.platformUsers),
  "Query.serviceTokens": list(ServiceTokensDocument, none, (data) => data.serviceTokens),
  "Query.tenants": list(TenantsDocument, none, (data) => data.tenants),
  "Tenant.invitations": list(TenantInvitationsDocument, tenant, (data) => data.tenant?.invitations),
  "Tenant.members": list(TenantMembersDocument, tenant, (data) => data.tenant?.members),
  "Tenant.operations": list(TenantOperationsDocument, tenant, (data) => data.tenant?.operations),
};
