import {
  Environment,
  type FragmentType,
  fetchQuery,
  type GraphQLTaggedNode,
  getFragment,
  getRefetchMetadata,
  graphql,
  Network,
  type OperationType,
  RecordSource,
  Store,
} from "relay-runtime";
import { waitForFragmentData } from "relay-runtime/experimental.js";
import type { Caller } from "../kit/api.ts";
import type { Owners } from "./_documents.ts";
import type { List, ReadPage } from "./_pages.ts";
import type { relay_auditEvents$key } from "./generated/relay/relay_auditEvents.graphql.ts";
import type { relay_dbServerTenants$key } from "./generated/relay/relay_dbServerTenants.graphql.ts";
import type { relay_operationEvents$key } from "./generated/relay/relay_operationEvents.graphql.ts";
import type { relay_operations$key } from "./generated/relay/relay_operations.graphql.ts";
import type { relay_platformUsers$key } from "./generated/relay/relay_platformUsers.graphql.ts";
import type { relay_serviceTokens$key } from "./generated/relay/relay_serviceTokens.graphql.ts";
import type { relay_tenantInvitations$key } from "./generated/relay/relay_tenantInvitations.graphql.ts";
import type { relay_tenantMembers$key } from "./generated/relay/relay_tenantMembers.graphql.ts";
import type { relay_tenantOperations$key } from "./generated/relay/relay_tenantOperations.graphql.ts";
import type { relay_tenants$key } from "./generated/relay/relay_tenants.graphql.ts";
import type { relayAuditEventsQuery } from "./generated/relay/relayAuditEventsQuery.graphql.ts";
import type { relayDbServerTenantsQuery } from "./generated/relay/relayDbServerTenantsQuery.graphql.ts";
import type { relayOperationEventsQuery } from "./generated/relay/relayOperationEventsQuery.graphql.ts";
import type { relayOperationsQuery } from "./generated/relay/relayOperationsQuery.graphql.ts";
import type { relayPlatformUsersQuery } from "./generated/relay/relayPlatformUsersQuery.graphql.ts";
import type { relayServiceTokensQuery } from "./generated/relay/relayServiceTokensQuery.graphql.ts";
import type { relayTenantInvitationsQuery } from "./generated/relay/relayTenantInvitationsQuery.graphql.ts";
import type { relayTenantMembersQuery } from "./generated/relay/relayTenantMembersQuery.graphql.ts";
import type { relayTenantOperationsQuery } from "./generated/relay/relayTenantOperationsQuery.graphql.ts";
import type { relayTenantsQuery } from "./generated/relay/relayTenantsQuery.graphql.ts";

/** Relay with an empty store, over HTTP. */
export const openRelay = (caller: Caller): Environment =>
  new Environment({
    network: Network.create(async ({ text }, variables) => ({
      data: await caller.ask(text ?? "", variables),
    })),
    store: new Store(new RecordSource()),
  });

/** What leads to the data of a fragment. */
interface FragmentKey {
  readonly " $data"?: object;
  readonly " $fragmentSpreads": FragmentType;
}

/** How to read a list with Relay: by its fragment, and the query that Relay made to refetch that. */
const list =
  <Query extends OperationType, Key extends FragmentKey>(
    fragment: GraphQLTaggedNode,
    ownerOf: (owners: Owners) => Query["variables"],
    keyOf: (answer: Query["response"]) => Key | null | undefined,
    listOf: (data: Required<Key>[" $data"]) => List | null | undefined,
  ) =>
  (environment: Environment, owners: Owners): ReadPage =>
  async (page) => {
    const { refetchableRequest } = getRefetchMetadata(getFragment(fragment), "tests");
    const variables = { ...ownerOf(owners), ...page };
    const answer = await fetchQuery<Query>(environment, refetchableRequest, variables).toPromise();
    const key = answer && keyOf(answer);
    return key && listOf(await waitForFragmentData(environment, fragment, key));
  };

/** Every list of the API, by a fragment. */
export const RELAY_LISTS = {
  "Query.tenants": list<relayTenantsQuery, relay_tenants$key>(
    graphql`
      fragment relay_tenants on Query
      @refetchable(queryName: "relayTenantsQuery") {
        tenants(first: $first, after: $after, last: $last, before: $before) @connection(key: "relay_tenants") {
          edges { cursor node { id slug name lockedAt } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }
    `,
    () => ({}),
    (answer) => answer,
    (data) => data.tenants,
  ),
  "Query.operations": list<relayOperationsQuery, relay_operations$key>(
    graphql`
      fragment relay_operations on Query
      @refetchable(queryName: "relayOperationsQuery") {
        operations(first: $first, after: $after, last: $last, before: $before) @connection(key: "relay_operations") {
          edges { cursor node { id state } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }
    `,
    () => ({}),
    (answer) => answer,
    (data) => data.operations,
  ),
  "Query.auditEvents": list<relayAuditEventsQuery, relay_auditEvents$key>(
    graphql`
      fragment relay_auditEvents on Query
      @refetchable(queryName: "relayAuditEventsQuery") {
        auditEvents(first: $first, after: $after, last: $last, before: $before) @connection(key: "relay_auditEvents") {
          edges { cursor node { id summary actor { kind principalId name } } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }
    `,
    () => ({}),
    (answer) => answer,
    (data) => data.auditEvents,
  ),
  "Query.platformUsers": list<relayPlatformUsersQuery, relay_platformUsers$key>(
    graphql`
      fragment relay_platformUsers on Query
      @refetchable(queryName: "relayPlatformUsersQuery") {
        platformUsers(first: $first, after: $after, last: $last, before: $before) @connection(key: "relay_platformUsers") {
          edges { cursor node { id email } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }
    `,
    () => ({}),
    (answer) => answer,
    (data) => data.platformUsers,
  ),
  "Query.serviceTokens": list<relayServiceTokensQuery, relay_serviceTokens$key>(
    graphql`
      fragment relay_serviceTokens on Query
      @refetchable(queryName: "relayServiceTokensQuery") {
        serviceTokens(first: $first, after: $after, last: $last, before: $before) @connection(key: "relay_serviceTokens") {
          edges { cursor node { id name } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }
    `,
    () => ({}),
    (answer) => answer,
    (data) => data.serviceTokens,
  ),
  "Tenant.operations": list<relayTenantOperationsQuery, relay_tenantOperations$key>(
    graphql`
      fragment relay_tenantOperations on Tenant
      @refetchable(queryName: "relayTenantOperationsQuery") {
        operations(first: $first, after: $after, last: $last, before: $before) @connection(key: "relay_operations") {
          edges { cursor node { id state } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }
    `,
    (owners) => ({ id: owners.Tenant }),
    (answer) => answer.node,
    (data) => data.operations,
  ),
  "Tenant.members": list<relayTenantMembersQuery, relay_tenantMembers$key>(
    graphql`
      fragment relay_tenantMembers on Tenant
      @refetchable(queryName: "relayTenantMembersQuery") {
        members(first: $first, after: $after, last: $last, before: $before) @connection(key: "relay_members") {
          edges { cursor node { id identity { id email } } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }
    `,
    (owners) => ({ id: owners.Tenant }),
    (answer) => answer.node,
    (data) => data.members,
  ),
  "Tenant.invitations": list<relayTenantInvitationsQuery, relay_tenantInvitations$key>(
    graphql`
      fragment relay_tenantInvitations on Tenant
      @refetchable(queryName: "relayTenantInvitationsQuery") {
        invitations(first: $first, after: $after, last: $last, before: $before) @connection(key: "relay_invitations") {
          edges { cursor node { id identity { id email } } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }
    `,
    (owners) => ({ id: owners.Tenant }),
    (answer) => answer.node,
    (data) => data.invitations,
  ),
  "Operation.events": list<relayOperationEventsQuery, relay_operationEvents$key>(
    graphql`
      fragment relay_operationEvents on Operation
      @refetchable(queryName: "relayOperationEventsQuery") {
        events(first: $first, after: $after, last: $last, before: $before) @connection(key: "relay_events") {
          edges { cursor node { id sequence } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }
    `,
    (owners) => ({ id: owners.Operation }),
    (answer) => answer.node,
    (data) => data.events,
  ),
  "DbServer.tenants": list<relayDbServerTenantsQuery, relay_dbServerTenants$key>(
    graphql`
      fragment relay_dbServerTenants on DbServer
      @refetchable(queryName: "relayDbServerTenantsQuery") {
        tenants(first: $first, after: $after, last: $last, before: $before) @connection(key: "relay_tenants") {
          edges { cursor node { id slug name } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }
    `,
    (owners) => ({ id: owners.DbServer }),
    (answer) => answer.node,
    (data) => data.tenants,
  ),
};
