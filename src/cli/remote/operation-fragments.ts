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
      nextAction
      migration {
        file
        line
        statement
        sqlState
        detail
        hint
        constraint
      }
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
    retryable
    nextAction
    migration {
      file
      line
      statement
      sqlState
      detail
      hint
      constraint
    }
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
      migrationFormat
      passedOver {
        ...CommandFilePlace
      }
      passedOverCount
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
    ... on AcceptanceResult {
      before {
        migration
        checksum
      }
      after {
        migration
        checksum
      }
      version
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
    ... on LimitsSetResult {
      roles
      connectionLimit
      statementTimeoutSeconds
      idleInTransactionTimeoutSeconds
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
