import { graphql } from "../../client/generated/index.ts";

graphql(`
  fragment CommandTenant on Tenant {
    id
    slug
    name
    status
    isolation
    databaseName
    schemaName
    ownerRole
    appRole
    secretName
    schemaVersion
    migrationsApplied
    seedSets
    adminEmail
    region
    vertical
    states
    tier
    limits {
      connectionLimit
      statementTimeoutSeconds
      idleInTransactionTimeoutSeconds
      own
    }
    timeZone
    supportEmail
    supportPhone
    requestedBy
    createdAt
    updatedAt
    activatedAt
    offboardedFrom
    purgeAfter
    lockedAt
    lockReason
    credentialsRotatedAt
    oldLoginOpenUntil
    failure {
      code
      message
    }
  }
`);

export const ListTenants = graphql(`
  query CommandListTenants($filter: TenantFilter, $first: Int!, $after: String) {
    tenants(filter: $filter, first: $first, after: $after) {
      nodes {
        ...CommandTenant
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const FindTenant = graphql(`
  query CommandFindTenant($by: TenantBy!) {
    tenant(by: $by) {
      ...CommandTenant
      dbServer {
        name
      }
      clusterPlace {
        bytes
        fault
        node {
          host
          port
          group
        }
      }
      operations(first: 10) {
        nodes {
          id
          kind
          state
          createdAt
        }
      }
    }
  }
`);
