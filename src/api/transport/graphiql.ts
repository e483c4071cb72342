import { renderGraphiQL } from "@graphql-yoga/render-graphiql";
import type { GraphiQLOptions } from "graphql-yoga";

/** Options of GraphiQL's page: subscriptions go over the WebSocket, and it opens with a first visit. */
export const graphiqlOptions = (adminEmail: string): GraphiQLOptions => ({
  title: "Tenantry",
  subscriptionsProtocol: "WS",
  defaultQuery: firstVisit(adminEmail),
});

/**
 * Renders GraphiQL's page, all of it from its package, with what JSON cannot carry added:
 * a WebSocket is authorised as the headers editor says, and what is typed, which may be a password,
 * is not put into the address.
 *
 * @throws Error when the package's page no longer holds its options as JSON
 */
export function renderPage(options: GraphiQLOptions): string {
  const literal = JSON.stringify(options);
  const page = renderGraphiQL(options);
  const at = page.lastIndexOf(literal);
  if (at === -1) throw new Error("GraphiQL's page does not hold its options where they were");
  const extended = `(${withFunctions})(${literal.replaceAll("<", "\\u003c")})`;
  return page.slice(0, at) + extended + page.slice(at + literal.length);
}

/** Runs in the browser. GraphiQL keeps the headers editor's text in the storage it names here. */
const withFunctions = `(options) => {
  let headers = localStorage.getItem("graphiql:headers");
  const connectionParams = () => {
    try {
      const given = Object.entries(JSON.parse(headers || "{}"));
      const [, authorization] = given.find(([name]) => name.toLowerCase() === "authorization") ?? [];
      return authorization === undefined ? {} : { authorization };
    } catch {
      return {};
    }
  };
  const onEditHeaders = (text) => { headers = text; };
  return { ...options, connectionParams, onEditHeaders, onEditQuery: () => {} };
}`;

const firstVisit = (adminEmail: string): string => `\
# Welcome to Tenantry: make a tenant, and watch it live.
# Put the cursor into an operation and press Ctrl-Enter;
# go from top to bottom.

# 1. Sign in. The service's first start has shown
#    a one-time password: choose your own with it,
#    which signs you in.
mutation ChoosePassword {
  changePassword(
    input: {
      email: ${JSON.stringify(adminEmail)}
      currentPassword: "the one-time password"
      newPassword: "at least 12 characters of yours"
    }
  ) {
    ... on Session {
      accessToken
    }
    ... on UserError {
      code
      message
      nextAction
    }
  }
}

#    From then on:
mutation SignIn {
  signIn(
    input: {
      email: ${JSON.stringify(adminEmail)}
      password: "your password"
    }
  ) {
    ... on Session {
      accessToken
    }
    ... on UserError {
      code
      message
      nextAction
    }
  }
}

# 2. Copy the access token into "Headers" below:
#      { "authorization": "Bearer eyJ..." }
#    It lasts for 15 minutes; empty "Headers"
#    before you sign in again.
query WhoAmI {
  me {
    role
    grants
  }
}

# 3. Provision a tenant: this starts an operation,
#    and answers at once.
mutation Provision {
  provisionTenant(
    input: {
      slug: "acme"
      name: "Acme Laboratories"
      adminEmail: "ada@acme.example"
      initialLaboratory: "Main laboratory"
    }
  ) {
    ... on ProvisionTenantPayload {
      operation {
        id
      }
    }
    ... on UserError {
      code
      message
      nextAction
    }
  }
}

# 4. Watch it from its first event on, over a
#    WebSocket: put the operation's id here.
subscription Watch {
  operationEvents(operationId: "the operation's id") {
    sequence
    at
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

# Or have this run in another tab (+):
# all operations, live.
subscription Dashboard {
  operationUpdated {
    slug
    kind
    state
    phases {
      name
      state
    }
  }
}
`;
