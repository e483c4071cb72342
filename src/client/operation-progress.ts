import { graphql } from "./generated/index.ts";

// Nobody calls these: the generator puts them into every document that spreads them.
graphql(`
  fragment MigrationFaultFields on MigrationFault {
    file
    line
    statement
    sqlState
    detail
    hint
    constraint
  }
  fragment OperationErrorFields on OperationError {
    code
    message
    phase
    retryable
    nextAction
    migration {
      ...MigrationFaultFields
    }
  }
`);

/** Everything that an operation tells, live: what whoever shows its progress follows. */
export const OperationProgress = graphql(`
  subscription OperationProgress($operationId: ID!, $after: String) {
    operationEvents(operationId: $operationId, after: $after) {
      __typename
      cursor
      sequence
      at
      ... on OperationStateChanged {
        operationState
        error {
          ...OperationErrorFields
        }
      }
      ... on PhaseStateChanged {
        phase
        phaseState
        note
        attempt
        error {
          ...OperationErrorFields
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
