import type { GraphiQLOptions } from "graphql-yoga";

/** Options of GraphiQL's page: subscriptions go over the WebSocket, and it opens with a first visit. */
export const graphiqlOptions = (adminEmail: string): GraphiQLOptions => ({
  title: "Tenantry",
  subscriptionsProtocol: "WS",
  defaultQuery: firstVisit(adminEmail),
});

/**
 * Renders GraphiQL's page, all of it from its package, with what JSON cannot carry added: who has signed
 * in is sent along, over the WebSocket too, and what is typed, which may be a password, is not put into
 * the address.
 *
 * @throws Error when the package's page no longer holds its options as JSON
 */
export async function renderPage(options: GraphiQLOptions): Promise<string> {
  // 20 MB of text, for a page that most processes never show.
  const { renderGraphiQL } = await import("@graphql-yoga/render-graphiql");
  const literal = JSON.stringify(options);
  const page = renderGraphiQL(options);
  const at = page.lastIndexOf(literal);
  if (at === -1) throw new Error("GraphiQL's page does not hold its options where they were");
  const extended = `(${withFunctions})(${literal.replaceAll("<", "\\u003c")})`;
  return page.slice(0, at) + extended + page.slice(at + literal.length);
}

/**
 * Runs in the browser. Whoever signs in on the page goes on as signed in, until the token is refused or
 * the page is left; a token in the headers editor goes first. GraphiQL keeps that editor's text in the
 * storage it names here. A subscription without a token that works ends with a word, where a closed
 * socket would be opened again and again in silence.
 */
const withFunctions = `(options) => {
  let headers = localStorage.getItem("graphiql:headers");
  let session;
  const given = () => {
    try {
      const entries = Object.entries(JSON.parse(headers || "{}"));
      return entries.find(([name]) => name.toLowerCase() === "authorization")?.[1];
    } catch {}
  };
  const ask = globalThis.fetch;
  const askAsSignedIn = async (url, init = {}) => {
    const all = new Headers(init.headers);
    const ours = session !== undefined && !all.has("authorization");
    if (ours) all.set("authorization", session);
    const answer = await ask(url, { ...init, headers: all });
    if (ours && answer.status === 401) {
      session = undefined;
      return await askAsSignedIn(url, init);
    }
    const { data } = await answer.clone().json().catch(() => ({}));
    for (const name of ["signIn", "changePassword", "refreshSession"]) {
      const token = data?.[name]?.accessToken;
      if (token) session = "Bearer " + token;
    }
    return answer;
  };
  globalThis.fetch = askAsSignedIn;
  const connectionParams = async () => {
    const authorization = given() ?? session;
    if (authorization === undefined) throw new Error("You are not signed in: sign in, then subscribe again.");
    const { status } = await ask(location.pathname, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ query: "{ __typename }" }),
    });
    if (status === 401) throw new Error("Your token was refused: sign in again, or change Headers.");
    return { authorization };
  };
  const onEditHeaders = (text) => { headers = text; };
  const onEditQuery = () => {};
  return { ...options, connectionParams, onEditHeaders, onEditQuery };
}`;

const firstVisit = (adminEmail: string): string => `\
# Welcome to Tenantry: make a tenant, and watch it live.
# Put the cursor into an operation and press Ctrl-Enter;
# go from top to bottom.

# 1. Sign in. The service's first start has shown
#    a one-time password: choose your own with it,
#    which signs you in, on this page.
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

#    From then on, after 15 minutes or a reload:
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

# 2. See who you are. To be somebody else, a script
#    for instance, put a token into "Headers" below:
#      { "authorization": "Bearer tnt_..." }
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
#    WebSocket: put the operation's id here. Each
#    event takes the place of the one before.
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

# 5. Look at all of it afterwards.
query LookBack {
  operations(filter: { slug: "acme" }) {
    nodes {
      kind
      state
      durationMs
      phases {
        name
        state
        durationMs
      }
    }
  }
}

# Or have this run in another tab (+) meanwhile:
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
