/** Requests that several tests send. */

export const PROVISION = `mutation Provision($input: ProvisionTenantInput!) {
  provisionTenant(input: $input) {
    __typename
    ... on ProvisionTenantPayload { replayed operation { id state dryRun slug retryOf { id } } tenant { id slug status } }
    ... on UserError { code message retryable nextAction }
    ... on ValidationError { issues { path message code } }
    ... on OperationInProgressError { operation { id } }
  }
}`;

export const EVENTS = `subscription Events($id: ID!, $after: String) {
  operationEvents(operationId: $id, after: $after) {
    __typename cursor sequence at
    ... on OperationStateChanged { operationState error { code message phase } }
    ... on PhaseStateChanged { phase phaseState note attempt error { code message } }
    ... on PhaseProgressed { phase completed total message }
  }
}`;

export const OPERATION = `query Operation($id: ID!) {
  operation(id: $id) {
    id kind state done dryRun slug cancelRequested error { code message phase retryable }
    tenant { id slug status failure { code message } schemaVersion migrationsApplied activatedAt }
    phases { name state completed total attempt note }
    result {
      __typename
      ... on ProvisionPlan { dbServer database schema ownerRole appRole secretName migrations migrationFormat passedOver { file line statement why } passedOverCount seedSets }
      ... on ProvisionSummary { tenantId tables migrationsApplied schemaVersion roleLogin seedRows { set rows } }
    }
  }
}`;

export const RETRY = `mutation Retry($id: ID!) {
  retryOperation(input: { operationId: $id }) {
    __typename
    ... on RetryOperationPayload { operation { id retryOf { id } } }
    ... on UserError { code message }
    ... on OperationInProgressError { operation { id } }
  }
}`;

export const CANCEL = `mutation Cancel($id: ID!) {
  cancelOperation(input: { operationId: $id }) {
    __typename
    ... on CancelOperationPayload { operation { id state cancelRequested } }
    ... on UserError { code message }
  }
}`;
