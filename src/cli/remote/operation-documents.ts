import { graphql } from "../../client/generated/index.ts";

export const OPERATION = graphql(`
  fragment CommandOperation on Operation {
    id
    kind
    state
    slug
    dryRun
    createdAt
    startedAt
    finishedAt
    tenant {
      id
      adminEmail
    }
    requestedBy {
      kind
      id
      name
    }
    retryOf {
      id
    }
    error {
      code
      message
      phase
      retryable
    }
    result {
      ...CommandResult
    }
  }
`);

export const REFUSAL = graphql(`
  fragment CommandRefusal on UserError {
    code
    message
    ... on ValidationError {
      issues {
        path
        message
        code
      }
    }
    ... on OperationInProgressError {
      operation {
        id
      }
    }
  }
`);

export const FindOperation = graphql(`
  query CommandFindOperation($id: ID!) {
    operation(id: $id) {
      ...CommandOperation
    }
  }
`);

export const ListOperations = graphql(`
  query CommandListOperations($filter: OperationFilter, $first: Int!, $after: String) {
    operations(filter: $filter, first: $first, after: $after) {
      nodes {
        ...CommandOperation
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const FollowOperation = graphql(`
  subscription CommandFollowOperation($id: ID!, $after: EventCursor) {
    operationEvents(operationId: $id, after: $after) {
      __typename
      cursor
      sequence
      at
      ... on OperationStateChanged {
        operationState
        error {
          code
          message
          phase
          retryable
        }
      }
      ... on PhaseStateChanged {
        phase
        phaseState
        note
        attempt
        error {
          code
          message
          phase
          retryable
        }
      }
      ... on PhaseProgressed {
        phase
        completed
        total
        message
      }
    }
  }
`);

export const RetryOperation = graphql(`
  mutation CommandRetryOperation($id: ID!) {
    retryOperation(input: { operationId: $id }) {
      ... on RetryOperationPayload {
        operation {
          ...CommandOperation
        }
      }
      ...CommandRefusal
    }
  }
`);

export const CancelOperation = graphql(`
  mutation CommandCancelOperation($id: ID!) {
    cancelOperation(input: { operationId: $id }) {
      ... on CancelOperationPayload {
        operation {
          ...CommandOperation
        }
      }
      ...CommandRefusal
    }
  }
`);

export const RevealOneTimePassword = graphql(`
  mutation CommandRevealOneTimePassword($id: ID!) {
    revealOneTimePassword(input: { operationId: $id }) {
      ... on RevealOneTimePasswordPayload {
        email
        oneTimePassword
        expiresAt
      }
      ...CommandRefusal
    }
  }
`);

// Nobody calls it: the generator puts it into every document that spreads it.
graphql(`
  fragment CommandResult on OperationResult {
    __typename
    ... on ProvisionPlan {
      dbServer
      isolation
      database
      schema
      ownerRole
      appRole
      secretName
      migrations
      seedSets
    }
    ... on ProvisionSummary {
      tenantId
      dbServer
      database
      schema
      tables
      migrationsApplied
      schemaVersion
      seedRows {
        set
        rows
      }
      roleLogin
      credential
    }
    ... on MigrationResult {
      version
      applied
      pending
      activated
      checks {
        name
        passed
        message
      }
    }
    ... on ActivationResult {
      version
      checks {
        name
        passed
        message
      }
    }
    ... on LaboratoryResult {
      laboratoryId
      laboratoryName
      organizationName
      setupName
    }
    ... on SeedResult {
      sets {
        set
        rowsAdded
        tables {
          table
          rows
        }
      }
    }
    ... on SnapshotResult {
      hard
      targets {
        target
        total
        rows
        skipped
      }
    }
    ... on CredentialRotationResult {
      from
      to
      secretVersion
      oldLoginOpenUntil
    }
    ... on CredentialRetirementResult {
      closedRole
      sessionsEnded
    }
    ... on SuspensionResult {
      sessionsEnded
    }
    ... on OffboardingResult {
      offboardedFrom
      purgeAfter
      purge
      sessionsEnded
    }
    ... on RestorationResult {
      status
    }
    ... on CleanupResult {
      dropSchema
      removed {
        ...CommandRemain
      }
      remaining {
        ...CommandRemain
      }
      unsearched
      people {
        ...CommandPeople
      }
    }
    ... on PurgeResult {
      begun
      evidence {
        server
        database
        schema
        tables
        bytes
        roles
        secretName
      }
      people {
        ...CommandPeople
      }
      remaining {
        ...CommandRemain
      }
    }
  }
  fragment CommandRemain on TenantRemain {
    kind
    name
    server
    ours
  }
  fragment CommandPeople on RemovedPeople {
    memberships
    invitations
    mails
    identities
  }
`);
