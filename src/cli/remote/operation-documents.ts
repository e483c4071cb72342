import { graphql } from "../../client/generated/index.ts";

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
