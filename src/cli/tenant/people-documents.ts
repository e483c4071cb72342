import { graphql } from "../../client/generated/index.ts";

graphql(`
  fragment CommandMail on TenantMail {
    state
    attempts
    problem
  }
  fragment CommandIdentity on Identity {
    email
    name
  }
`);

export const ListInvitations = graphql(`
  query CommandListInvitations($by: TenantBy!, $first: Int!, $after: String) {
    tenant(by: $by) {
      people: invitations(first: $first, after: $after) {
        nodes {
          id
          identity {
            ...CommandIdentity
          }
          role
          kind
          state
          timesSent
          createdAt
          expiresAt
          acceptedAt
          revokedAt
          mail {
            ...CommandMail
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

export const ListMembers = graphql(`
  query CommandListMembers($by: TenantBy!, $first: Int!, $after: String) {
    tenant(by: $by) {
      people: members(first: $first, after: $after) {
        nodes {
          id
          identity {
            ...CommandIdentity
          }
          role
          since
          lastSignedInAt
          mail {
            ...CommandMail
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

export const InviteTenantAdmin = graphql(`
  mutation CommandInviteTenantAdmin($input: InviteTenantAdminInput!) {
    changed: inviteTenantAdmin(input: $input) {
      ... on InviteTenantAdminPayload {
        tenant {
          slug
        }
      }
      ...CommandRefusal
    }
  }
`);

export const ResendInvitation = graphql(`
  mutation CommandResendInvitation($id: ID!) {
    changed: resendInvitation(input: { invitationId: $id }) {
      ... on ResendInvitationPayload {
        tenant {
          slug
        }
      }
      ...CommandRefusal
    }
  }
`);

export const RevokeInvitation = graphql(`
  mutation CommandRevokeInvitation($id: ID!) {
    changed: revokeInvitation(input: { invitationId: $id }) {
      ... on RevokeInvitationPayload {
        tenant {
          slug
        }
      }
      ...CommandRefusal
    }
  }
`);

export const RemoveMembership = graphql(`
  mutation CommandRemoveMembership($id: ID!) {
    changed: removeMembership(input: { membershipId: $id }) {
      ... on RemoveMembershipPayload {
        tenant {
          slug
        }
      }
      ...CommandRefusal
    }
  }
`);

export const RevealOneTimePassword = graphql(`
  mutation CommandRevealOneTimePassword($id: ID!) {
    revealOneTimePassword(input: { operationId: $id }) {
      ... on RevealOneTimePasswordPayload {
        email
        oneTimePassword
        expiresAt
      }
      ...CommandRefusal
    }
  }
`);

/** The mails by which somebody of a tenant was told how to get in. */
export const ListMails = graphql(`
  query CommandListMails($by: TenantBy!) {
    tenant(by: $by) {
      invitations {
        nodes {
          identity {
            email
          }
          mail {
            ...CommandMail
          }
        }
      }
      members {
        nodes {
          identity {
            email
          }
          mail {
            ...CommandMail
          }
        }
      }
    }
  }
`);
