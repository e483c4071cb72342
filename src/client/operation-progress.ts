import { graphql } from "./generated/index.ts";

// Nobody calls it: the generator puts it into every document that spreads it.
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
          code
          message
          phase
          retryable
          nextAction
          migration {
            ...MigrationFaultFields
          }
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
          migration {
            ...MigrationFaultFields
          }
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
