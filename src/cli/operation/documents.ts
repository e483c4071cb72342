import { graphql } from "../../client/generated/index.ts";

export const OPERATION = graphql(`
  fragment CommandOperation on Operation {
    id
    kind
    state
    slug
    dryRun
    done
    createdAt
    startedAt
    finishedAt
    tenant {
      id
      adminEmail
    }
    requestedBy {
      kind
      id: principalId
      name
    }
    retryOf {
      id
    }
    error {
      ...OperationErrorFields
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
      ...MigrationFaultFields
    }
    ... on ValidationError {
      issues {
        path
        message
        code
      }
    }
    ... on OperationInProgressError {
      running: operation {
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

export const FindWorkers = graphql(`
  query CommandFindWorkers {
    workers {
      alive
      lastSeenAt
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
