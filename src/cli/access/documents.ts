import { graphql } from "../../client/generated/index.ts";

graphql(`
  fragment CommandUser on PlatformUser {
    id
    email
    name
    role
    issuer
    disabledAt
    mustChangePassword
    oneTimePasswordExpiresAt
    createdAt
    updatedAt
  }
  fragment CommandChangedUser on PlatformUserPayload {
    user {
      ...CommandUser
    }
  }
`);

export const FindUser = graphql(`
  query CommandFindUser($email: String!) {
    platformUser(by: { email: $email }) {
      id
    }
  }
`);

export const ListUsers = graphql(`
  query CommandListUsers($filter: PlatformUserFilter, $first: Int!, $after: String) {
    platformUsers(filter: $filter, first: $first, after: $after) {
      nodes {
        ...CommandUser
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const CreateUser = graphql(`
  mutation CommandCreateUser($input: CreatePlatformUserInput!) {
    changed: createPlatformUser(input: $input) {
      ...CommandChangedUser
      ... on CreatePlatformUserPayload {
        oneTimePassword
        replayed
      }
      ...CommandRefusal
    }
  }
`);

export const SetUserRole = graphql(`
  mutation CommandSetUserRole($input: SetPlatformUserRoleInput!) {
    changed: setPlatformUserRole(input: $input) {
      ...CommandChangedUser
      ...CommandRefusal
    }
  }
`);

export const DisableUser = graphql(`
  mutation CommandDisableUser($input: DisablePlatformUserInput!) {
    changed: disablePlatformUser(input: $input) {
      ...CommandChangedUser
      ...CommandRefusal
    }
  }
`);

export const EnableUser = graphql(`
  mutation CommandEnableUser($input: EnablePlatformUserInput!) {
    changed: enablePlatformUser(input: $input) {
      ...CommandChangedUser
      ...CommandRefusal
    }
  }
`);

export const ResetUserPassword = graphql(`
  mutation CommandResetUserPassword($input: ResetPlatformUserPasswordInput!) {
    changed: resetPlatformUserPassword(input: $input) {
      ...CommandChangedUser
      ... on ResetPlatformUserPasswordPayload {
        oneTimePassword
        replayed
      }
      ...CommandRefusal
    }
  }
`);

export const SignOutUser = graphql(`
  mutation CommandSignOutUser($input: SignOutPlatformUserInput!) {
    changed: signOutPlatformUser(input: $input) {
      ...CommandChangedUser
      ...CommandRefusal
    }
  }
`);

graphql(`
  fragment CommandServiceToken on ServiceToken {
    id
    name
    role
    hint
    createdAt
    expiresAt
    lastUsedAt
    revokedAt
    state
    createdBy {
      kind
      id: principalId
      name
    }
  }
`);

export const ListServiceTokens = graphql(`
  query CommandListServiceTokens($filter: ServiceTokenFilter, $first: Int!, $after: String) {
    serviceTokens(filter: $filter, first: $first, after: $after) {
      nodes {
        ...CommandServiceToken
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const CreateServiceToken = graphql(`
  mutation CommandCreateServiceToken($input: CreateServiceTokenInput!) {
    createServiceToken(input: $input) {
      ... on CreateServiceTokenPayload {
        serviceToken {
          ...CommandServiceToken
        }
        value
        replayed
      }
      ...CommandRefusal
    }
  }
`);

export const RevokeServiceToken = graphql(`
  mutation CommandRevokeServiceToken($id: ID!) {
    revokeServiceToken(input: { id: $id }) {
      ... on RevokeServiceTokenPayload {
        serviceToken {
          ...CommandServiceToken
        }
      }
      ...CommandRefusal
    }
  }
`);

graphql(`
  fragment CommandSigningKey on SigningKey {
    id
    state
    createdAt
    signsFrom
    signsUntil
    verifiesUntil
    purgedAt
  }
`);

export const ListSigningKeys = graphql(`
  query CommandListSigningKeys {
    signingKeys {
      ...CommandSigningKey
    }
  }
`);

export const RotateSigningKey = graphql(`
  mutation CommandRotateSigningKey($input: RotateSigningKeyInput!) {
    rotateSigningKey(input: $input) {
      ... on RotateSigningKeyPayload {
        key {
          ...CommandSigningKey
        }
        begun
      }
      ...CommandRefusal
    }
  }
`);
