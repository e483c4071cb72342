// What the API is measured beside: node bench/bare-server.ts http|yoga
// `http` is Node's own server with a fixed answer; `yoga` is graphql-yoga with a schema of one field, which
// verifies an access token and asks no database. Tells its parent where it listens, and a token.

import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { createSchema, createYoga } from "graphql-yoga";
import { generateKeyPair, jwtVerify, SignJWT } from "jose";

const VIEWER = { role: "READONLY", actor: { id: "01a1fbed-b29a-70d2-8c55-85317a02f6a4" } };

const typeDefs = `
  type Actor { id: String! }
  type Viewer { role: String! actor: Actor! }
  type Query { me: Viewer! }
`;

interface Bare {
  readonly listener: RequestListener;
  readonly token: string;
}

function bareHttp(): Bare {
  const body = JSON.stringify({ data: { me: VIEWER } });
  const headers = { "content-type": "application/json", "content-length": body.length };
  return {
    token: "",
    listener: (req, res) => {
      req.resume();
      req.on("end", () => res.writeHead(200, headers).end(body));
    },
  };
}

async function bareYoga(): Promise<Bare> {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA");
  const yoga = createYoga({
    schema: createSchema({ typeDefs, resolvers: { Query: { me: () => VIEWER } } }),
    logging: false,
    graphiql: false,
    context: async ({ request }) => {
      const token = request.headers.get("authorization")?.slice("Bearer ".length) ?? "";
      return { caller: await jwtVerify(token, publicKey, { algorithms: ["EdDSA"] }) };
    },
  });
  const token = await new SignJWT({ role: VIEWER.role })
    .setProtectedHeader({ alg: "EdDSA" })
    .setSubject(VIEWER.actor.id)
    .setExpirationTime("1h")
    .sign(privateKey);
  return { listener: yoga, token };
}

const { listener, token } = process.argv[2] === "yoga" ? await bareYoga() : bareHttp();
const server = createServer(listener);
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ url: `http://127.0.0.1:${port}/graphql`, token });
});
// The parent's end is this one's.
process.on("disconnect", () => process.exit());
