/* eslint-disable */
import * as types from './graphql.ts';



/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  mutation DemoSignIn($input: SignInInput!) {\n    signIn(input: $input) {\n      __typename\n      ... on Session {\n        accessToken\n        user {\n          email\n          role\n        }\n      }\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n": typeof types.DemoSignInDocument,
    "\n  query DemoTenants($text: String!, $after: String) {\n    tenants(filter: { text: $text }, first: 100, after: $after) {\n      nodes {\n        slug\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": typeof types.DemoTenantsDocument,
    "\n  mutation DemoProvisionTenant($input: ProvisionTenantInput!) {\n    provisionTenant(input: $input) {\n      __typename\n      ... on ProvisionTenantPayload {\n        operation {\n          id\n        }\n      }\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n": typeof types.DemoProvisionTenantDocument,
    "\n  subscription DemoOperationEvents($operationId: ID!, $after: EventCursor) {\n    operationEvents(operationId: $operationId, after: $after) {\n      __typename\n      cursor\n      at\n      ... on OperationStateChanged {\n        operationState\n        error {\n          code\n          message\n          phase\n          retryable\n        }\n      }\n      ... on PhaseStateChanged {\n        phase\n        phaseState\n        note\n        attempt\n        error {\n          code\n          message\n          phase\n          retryable\n        }\n      }\n      ... on PhaseProgressed {\n        phase\n        completed\n        total\n        message\n      }\n    }\n  }\n": typeof types.DemoOperationEventsDocument,
    "\n  query DemoOperationResult($id: ID!) {\n    operation(id: $id) {\n      state\n      startedAt\n      finishedAt\n      error {\n        code\n        message\n      }\n      result {\n        __typename\n        ... on ProvisionSummary {\n          tenantId\n          dbServer\n          database\n          schema\n          tables\n          migrationsApplied\n          schemaVersion\n          seedRows {\n            set\n            rows\n          }\n          roleLogin\n        }\n      }\n    }\n  }\n": typeof types.DemoOperationResultDocument,
    "\n  mutation DemoAcceptInvitation($input: AcceptInvitationInput!) {\n    acceptInvitation(input: $input) {\n      __typename\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n": typeof types.DemoAcceptInvitationDocument,
    "\n  mutation DemoTenantSignIn($input: TenantSignInInput!) {\n    tenantSignIn(input: $input) {\n      __typename\n      ... on TenantSession {\n        role\n        identity {\n          email\n        }\n      }\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n": typeof types.DemoTenantSignInDocument,
    "\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) {\n      __typename\n      ... on Session {\n        accessToken\n        accessTokenExpiresAt\n        refreshToken\n      }\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n": typeof types.SignInDocument,
    "\n  mutation ProvisionTenant($input: ProvisionTenantInput!) {\n    provisionTenant(input: $input) {\n      __typename\n      ... on ProvisionTenantPayload {\n        replayed\n        operation {\n          id\n        }\n      }\n      ... on ValidationError {\n        issues {\n          path\n          message\n          code\n        }\n      }\n      ... on UserError {\n        code\n        message\n        nextAction\n      }\n    }\n  }\n": typeof types.ProvisionTenantDocument,
    "\n  subscription FollowOperation($operationId: ID!, $after: EventCursor) {\n    operationEvents(operationId: $operationId, after: $after) {\n      __typename\n      cursor\n      sequence\n      ... on OperationStateChanged {\n        operationState\n      }\n      ... on PhaseStateChanged {\n        phase\n        phaseState\n      }\n      ... on PhaseProgressed {\n        phase\n        completed\n        total\n      }\n    }\n  }\n": typeof types.FollowOperationDocument,
};
const documents: Documents = {
    "\n  mutation DemoSignIn($input: SignInInput!) {\n    signIn(input: $input) {\n      __typename\n      ... on Session {\n        accessToken\n        user {\n          email\n          role\n        }\n      }\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n": types.DemoSignInDocument,
    "\n  query DemoTenants($text: String!, $after: String) {\n    tenants(filter: { text: $text }, first: 100, after: $after) {\n      nodes {\n        slug\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": types.DemoTenantsDocument,
    "\n  mutation DemoProvisionTenant($input: ProvisionTenantInput!) {\n    provisionTenant(input: $input) {\n      __typename\n      ... on ProvisionTenantPayload {\n        operation {\n          id\n        }\n      }\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n": types.DemoProvisionTenantDocument,
    "\n  subscription DemoOperationEvents($operationId: ID!, $after: EventCursor) {\n    operationEvents(operationId: $operationId, after: $after) {\n      __typename\n      cursor\n      at\n      ... on OperationStateChanged {\n        operationState\n        error {\n          code\n          message\n          phase\n          retryable\n        }\n      }\n      ... on PhaseStateChanged {\n        phase\n        phaseState\n        note\n        attempt\n        error {\n          code\n          message\n          phase\n          retryable\n        }\n      }\n      ... on PhaseProgressed {\n        phase\n        completed\n        total\n        message\n      }\n    }\n  }\n": types.DemoOperationEventsDocument,
    "\n  query DemoOperationResult($id: ID!) {\n    operation(id: $id) {\n      state\n      startedAt\n      finishedAt\n      error {\n        code\n        message\n      }\n      result {\n        __typename\n        ... on ProvisionSummary {\n          tenantId\n          dbServer\n          database\n          schema\n          tables\n          migrationsApplied\n          schemaVersion\n          seedRows {\n            set\n            rows\n          }\n          roleLogin\n        }\n      }\n    }\n  }\n": types.DemoOperationResultDocument,
    "\n  mutation DemoAcceptInvitation($input: AcceptInvitationInput!) {\n    acceptInvitation(input: $input) {\n      __typename\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n": types.DemoAcceptInvitationDocument,
    "\n  mutation DemoTenantSignIn($input: TenantSignInInput!) {\n    tenantSignIn(input: $input) {\n      __typename\n      ... on TenantSession {\n        role\n        identity {\n          email\n        }\n      }\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n": types.DemoTenantSignInDocument,
    "\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) {\n      __typename\n      ... on Session {\n        accessToken\n        accessTokenExpiresAt\n        refreshToken\n      }\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n": types.SignInDocument,
    "\n  mutation ProvisionTenant($input: ProvisionTenantInput!) {\n    provisionTenant(input: $input) {\n      __typename\n      ... on ProvisionTenantPayload {\n        replayed\n        operation {\n          id\n        }\n      }\n      ... on ValidationError {\n        issues {\n          path\n          message\n          code\n        }\n      }\n      ... on UserError {\n        code\n        message\n        nextAction\n      }\n    }\n  }\n": types.ProvisionTenantDocument,
    "\n  subscription FollowOperation($operationId: ID!, $after: EventCursor) {\n    operationEvents(operationId: $operationId, after: $after) {\n      __typename\n      cursor\n      sequence\n      ... on OperationStateChanged {\n        operationState\n      }\n      ... on PhaseStateChanged {\n        phase\n        phaseState\n      }\n      ... on PhaseProgressed {\n        phase\n        completed\n        total\n      }\n    }\n  }\n": types.FollowOperationDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DemoSignIn($input: SignInInput!) {\n    signIn(input: $input) {\n      __typename\n      ... on Session {\n        accessToken\n        user {\n          email\n          role\n        }\n      }\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n"): typeof import('./graphql.ts').DemoSignInDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query DemoTenants($text: String!, $after: String) {\n    tenants(filter: { text: $text }, first: 100, after: $after) {\n      nodes {\n        slug\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"): typeof import('./graphql.ts').DemoTenantsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DemoProvisionTenant($input: ProvisionTenantInput!) {\n    provisionTenant(input: $input) {\n      __typename\n      ... on ProvisionTenantPayload {\n        operation {\n          id\n        }\n      }\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n"): typeof import('./graphql.ts').DemoProvisionTenantDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription DemoOperationEvents($operationId: ID!, $after: EventCursor) {\n    operationEvents(operationId: $operationId, after: $after) {\n      __typename\n      cursor\n      at\n      ... on OperationStateChanged {\n        operationState\n        error {\n          code\n          message\n          phase\n          retryable\n        }\n      }\n      ... on PhaseStateChanged {\n        phase\n        phaseState\n        note\n        attempt\n        error {\n          code\n          message\n          phase\n          retryable\n        }\n      }\n      ... on PhaseProgressed {\n        phase\n        completed\n        total\n        message\n      }\n    }\n  }\n"): typeof import('./graphql.ts').DemoOperationEventsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query DemoOperationResult($id: ID!) {\n    operation(id: $id) {\n      state\n      startedAt\n      finishedAt\n      error {\n        code\n        message\n      }\n      result {\n        __typename\n        ... on ProvisionSummary {\n          tenantId\n          dbServer\n          database\n          schema\n          tables\n          migrationsApplied\n          schemaVersion\n          seedRows {\n            set\n            rows\n          }\n          roleLogin\n        }\n      }\n    }\n  }\n"): typeof import('./graphql.ts').DemoOperationResultDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DemoAcceptInvitation($input: AcceptInvitationInput!) {\n    acceptInvitation(input: $input) {\n      __typename\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n"): typeof import('./graphql.ts').DemoAcceptInvitationDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DemoTenantSignIn($input: TenantSignInInput!) {\n    tenantSignIn(input: $input) {\n      __typename\n      ... on TenantSession {\n        role\n        identity {\n          email\n        }\n      }\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n"): typeof import('./graphql.ts').DemoTenantSignInDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SignIn($input: SignInInput!) {\n    signIn(input: $input) {\n      __typename\n      ... on Session {\n        accessToken\n        accessTokenExpiresAt\n        refreshToken\n      }\n      ... on UserError {\n        code\n        message\n      }\n    }\n  }\n"): typeof import('./graphql.ts').SignInDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation ProvisionTenant($input: ProvisionTenantInput!) {\n    provisionTenant(input: $input) {\n      __typename\n      ... on ProvisionTenantPayload {\n        replayed\n        operation {\n          id\n        }\n      }\n      ... on ValidationError {\n        issues {\n          path\n          message\n          code\n        }\n      }\n      ... on UserError {\n        code\n        message\n        nextAction\n      }\n    }\n  }\n"): typeof import('./graphql.ts').ProvisionTenantDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription FollowOperation($operationId: ID!, $after: EventCursor) {\n    operationEvents(operationId: $operationId, after: $after) {\n      __typename\n      cursor\n      sequence\n      ... on OperationStateChanged {\n        operationState\n      }\n      ... on PhaseStateChanged {\n        phase\n        phaseState\n      }\n      ... on PhaseProgressed {\n        phase\n        completed\n        total\n      }\n    }\n  }\n"): typeof import('./graphql.ts').FollowOperationDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
