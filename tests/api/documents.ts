import { graphql } from "../../src/client/generated/index.ts";

/** Documents of the tests of the API, typed by the schema. */
export const SignIn = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) {
      __typename
      ... on Session {
        accessToken
        accessTokenExpiresAt
        refreshToken
      }
      ... on UserError {
        code
        message
      }
    }
  }
`);

export const ProvisionTenant = graphql(`
  mutation ProvisionTenant($input: ProvisionTenantInput!) {
    provisionTenant(input: $input) {
      __typename
      ... on ProvisionTenantPayload {
        replayed
        operation {
          id
        }
      }
      ... on ValidationError {
        issues {
          path
          message
          code
        }
      }
      ... on UserError {
        code
        message
        nextAction
      }
    }
  }
`);

export const FollowOperation = graphql(`
  subscription FollowOperation($operationId: ID!, $after: String) {
    operationEvents(operationId: $operationId, after: $after) {
      __typename
      cursor
      sequence
      ... on OperationStateChanged {
        operationState
      }
      ... on PhaseStateChanged {
        phase
        phaseState
      }
      ... on PhaseProgressed {
        phase
        completed
        total
      }
    }
  }
`);
