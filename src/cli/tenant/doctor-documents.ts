import { graphql } from "../../client/generated/index.ts";

export const LookAtTenants = graphql(`
  query CommandTenantHealth($slug: String) {
    tenantHealth(slug: $slug) {
      slug
      tenant {
        status
      }
      healthy
      looked
      findings {
        code
        message
        repair
        safe
        remedies {
          repair
        }
      }
      operation {
        id
      }
    }
  }
`);

export const MendTenants = graphql(`
  mutation CommandMendTenants($input: MendTenantsInput!) {
    mendTenants(input: $input) {
      ... on MendTenantsPayload {
        mended {
          ...CommandMending
        }
        failed {
          ...CommandMending
        }
        operations {
          ...CommandOperation
        }
      }
      ...CommandRefusal
    }
  }
  fragment CommandMending on HealthMending {
    slug
    code
    message
    repair
  }
`);
