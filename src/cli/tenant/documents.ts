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
    ...CommandTenantProfile
    limits {
      ...CommandLimits
    }
    onBehalfOf
    createdAt
    updatedAt
    activatedAt
    offboardedFrom
    purgeAfter
    lockedAt
    lockReason
    credentialsRotatedAt
    retiringUntil: oldLoginOpenUntil
    failure {
      code
      message
    }
  }
  fragment CommandLimits on TenantLimits {
    connectionLimit
    statementTimeoutSeconds
    idleInTransactionTimeoutSeconds
    own
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

export const UpdateTenant = graphql(`
  mutation CommandUpdateTenant($input: UpdateTenantInput!) {
    updateTenant(input: $input) {
      ... on UpdateTenantPayload {
        tenant {
          id
          slug
          name
          ...CommandTenantProfile
          limits {
            ...CommandLimits
          }
        }
        operation {
          ...CommandOperation
        }
      }
      ...CommandRefusal
    }
  }
`);

export const LockTenant = graphql(`
  mutation CommandLockTenant($input: LockTenantInput!) {
    changed: lockTenant(input: $input) {
      ...CommandLockChange
      ...CommandRefusal
    }
  }
  fragment CommandLockChange on TenantPayload {
    tenant {
      id
      slug
      lockedAt
      lockReason
    }
  }
`);

export const UnlockTenant = graphql(`
  mutation CommandUnlockTenant($input: UnlockTenantInput!) {
    changed: unlockTenant(input: $input) {
      ...CommandLockChange
      ...CommandRefusal
    }
  }
`);

export const CleanupFailedTenants = graphql(`
  mutation CommandCleanupFailedTenants($input: CleanupFailedTenantsInput!) {
    started: cleanupFailedTenants(input: $input) {
      ... on CleanupFailedTenantsPayload {
        results {
          slug
          operation {
            ...CommandOperation
          }
          error {
            ...CommandRefusal
          }
        }
      }
      ...CommandRefusal
    }
  }
`);

export const RotateAllTenantCredentials = graphql(`
  mutation CommandRotateAllTenantCredentials($input: RotateAllTenantCredentialsInput!) {
    started: rotateAllTenantCredentials(input: $input) {
      ... on RotateAllTenantCredentialsPayload {
        results {
          slug
          operation {
            ...CommandOperation
          }
          error {
            ...CommandRefusal
          }
        }
      }
      ...CommandRefusal
    }
  }
`);
