import { graphql } from "./generated/index.ts";

/** Everything that an operation tells, live: what whoever shows its progress follows. */
export const OperationProgress = graphql(`
  subscription OperationProgress($operationId: ID!, $after: EventCursor) {
    operationEvents(operationId: $operationId, after: $after) {
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
          nextAction
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
          nextAction
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
