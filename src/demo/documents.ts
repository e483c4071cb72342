import { graphql } from "../client/generated/index.ts";

export const SignIn = graphql(`
  mutation DemoSignIn($input: SignInInput!) {
    signIn(input: $input) {
      __typename
      ... on Session {
        accessToken
        user {
          email
          role
        }
      }
      ... on UserError {
        code
        message
      }
    }
  }
`);

export const Tenants = graphql(`
  query DemoTenants($text: String!, $after: String) {
    tenants(filter: { text: $text }, first: 100, after: $after) {
      nodes {
        slug
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const ProvisionTenant = graphql(`
  mutation DemoProvisionTenant($input: ProvisionTenantInput!) {
    provisionTenant(input: $input) {
      __typename
      ... on ProvisionTenantPayload {
        operation {
          id
        }
      }
      ... on UserError {
        code
        message
      }
    }
  }
`);

export const OperationResult = graphql(`
  query DemoOperationResult($id: ID!) {
    operation(id: $id) {
      state
      startedAt
      finishedAt
      error {
        code
        message
      }
      result {
        __typename
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
        }
      }
    }
  }
`);

export const AcceptInvitation = graphql(`
  mutation DemoAcceptInvitation($input: AcceptInvitationInput!) {
    acceptInvitation(input: $input) {
      __typename
      ... on UserError {
        code
        message
      }
    }
  }
`);

export const TenantSignIn = graphql(`
  mutation DemoTenantSignIn($input: TenantSignInInput!) {
    tenantSignIn(input: $input) {
      __typename
      ... on TenantSession {
        role
        identity {
          email
        }
      }
      ... on UserError {
        code
        message
      }
    }
  }
`);
