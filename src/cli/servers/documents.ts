import { graphql } from "../../client/generated/index.ts";

graphql(`
  fragment CommandDbServer on DbServer {
    id
    name
    region
    host
    port
    tlsMode
    kind
    capacityHint
    adminSecretRef
    tenantDatabase
    status
    labels {
      key
      value
    }
    createdAt
    updatedAt
    tenantCount
    freeCapacity
    load
  }
`);

export const ListDbServers = graphql(`
  query CommandListDbServers {
    dbServers {
      ...CommandDbServer
      cluster {
        nodes {
          host
          port
          group
          active
          takesTenants
          tenantCount
          bytes
        }
        fault
      }
    }
  }
`);

export const FindDbServer = graphql(`
  query CommandFindDbServer($id: ID!) {
    node(id: $id) {
      ...CommandDbServer
    }
  }
`);

export const CheckDbServers = graphql(`
  query CommandCheckDbServers($name: String) {
    dbServerChecks(name: $name) {
      dbServer {
        name
        status
      }
      probed {
        version
        superuser
        citus
      }
      fault
      warnings
      ms
    }
  }
`);

export const RegisterDbServer = graphql(`
  mutation CommandRegisterDbServer($input: RegisterDbServerInput!) {
    changed: registerDbServer(input: $input) {
      ... on RegisterDbServerPayload {
        dbServer {
          ...CommandDbServer
        }
      }
      ...CommandRefusal
    }
  }
`);

export const UpdateDbServer = graphql(`
  mutation CommandUpdateDbServer($input: UpdateDbServerInput!) {
    changed: updateDbServer(input: $input) {
      ... on UpdateDbServerPayload {
        dbServer {
          ...CommandDbServer
        }
      }
      ...CommandRefusal
    }
  }
`);

export const SetDbServerStatus = graphql(`
  mutation CommandSetDbServerStatus($input: SetDbServerStatusInput!) {
    changed: setDbServerStatus(input: $input) {
      ... on SetDbServerStatusPayload {
        dbServer {
          ...CommandDbServer
        }
      }
      ...CommandRefusal
    }
  }
`);
