import { graphql } from "../../client/generated/index.ts";

export const ListAuditEvents = graphql(`
  query CommandListAuditEvents($filter: AuditFilter, $first: Int!, $after: String) {
    auditEvents(filter: $filter, first: $first, after: $after) {
      nodes {
        ...CommandAuditEvent
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
  fragment CommandAuditEvent on AuditEvent {
    id
    sequence
    at
    type
    actor {
      kind
      id: principalId
      name
    }
    address
    tenant {
      id
    }
    slug
    operation {
      id
    }
    detail
    prevHash
    hash
  }
`);
