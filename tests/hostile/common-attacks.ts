import { connect } from "node:net";
import type { Service } from "./run-service.ts";

/** What scanners such as GraphQL Cop look for; each answers why it succeeds, or null. */
export interface Attack {
  readonly name: string;
  succeeds(service: Service): Promise<string | null>;
}

/** Headers have 10 s to arrive; the server looks every 2 s. */
const SLOW_MS = 15_000;

interface Sent {
  readonly status: number;
  readonly text: string;
}

async function send(
  { url }: Service,
  query: string,
  headers: Record<string, string> = {},
): Promise<Sent> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query }),
  });
  return { status: answer.status, text: await answer.text() };
}

const hasData = ({ text }: Sent) => (/"data":\{/.test(text) ? text.slice(0, 80) : null);
const repeat = (count: number, text: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => text(at)).join(" ");
const refused = (name: string, query: string): Attack => ({
  name,
  succeeds: async (service) => hasData(await send(service, query)),
});
const says = (name: string, query: string, words: RegExp): Attack => ({
  name,
  succeeds: async (service) => {
    const { text } = await send(service, query);
    return words.test(text) ? text.slice(0, 120) : null;
  },
});

export const ATTACKS: readonly Attack[] = [
  refused("alias overloading", `{ ${repeat(101, (at) => `a${at}: __typename`)} }`),
  refused("field duplication", `{ ${"__typename ".repeat(501)} }`),
  refused("directive overloading", `{ __typename ${"@aa".repeat(21)} }`),
  refused("introspection by strangers", "{ __schema { types { name } } }"),
  refused("introspection of one type by strangers", '{ __type(name: "Query") { name } }'),
  refused(
    "circular introspection",
    "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }",
  ),
  says("field suggestions", "{ tenant_ { id } directive }", /did you mean/i),
  says("suggestions for a selection", '{ tenant(by: {slug: "a"}) }', /did you mean/i),
  says("stack traces", "{ __typename", /node_modules|\.ts:\d+|at file:/),
  says("tracing", "{ __typename }", /"tracing"/),
  {
    name: "batches",
    succeeds: async ({ url }) => {
      const answer = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(Array(10).fill({ query: "{ __typename }" })),
      });
      return answer.ok ? "answered" : null;
    },
  },
  {
    name: "queries by GET",
    succeeds: async ({ url }) => {
      const answer = await fetch(`${url}?query={__typename}`);
      return answer.ok ? "answered" : null;
    },
  },
  {
    name: "mutations by GET",
    succeeds: async ({ url }) => {
      const query = encodeURIComponent('mutation{signOut(input:{refreshToken:"x"}){__typename}}');
      for (const accept of ["*/*", "text/event-stream", "text/html"]) {
        const answer = await fetch(`${url}?query=${query}`, { headers: { accept } });
        if (/SignOut/.test(await answer.text())) return accept;
      }
      return null;
    },
  },
  ...["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"].map(
    (type): Attack => ({
      name: `mutations of pages of others, as ${type}`,
      succeeds: async (service) =>
        hasData(
          await send(service, "{ __typename }", {
            "content-type": type,
            origin: "https://evil.example",
          }),
        ),
    }),
  ),
  {
    name: "headers that never end",
    succeeds: async ({ url }) => {
      const { hostname, port } = new URL(url);
      const socket = connect(Number(port), hostname);
      socket.on("error", () => {});
      const closed = new Promise<null>((resolve) => socket.on("close", () => resolve(null)));
      const open = new Promise<string>((resolve) =>
        setTimeout(resolve, SLOW_MS, "still open").unref(),
      );
      socket.write("POST /graphql HTTP/1.1\r\nhost: a\r\n");
      const slowly = setInterval(() => socket.write("x: y\r\n"), 1_000);
      socket.resume();
      const fault = await Promise.race([closed, open]);
      clearInterval(slowly);
      socket.destroy();
      return fault;
    },
  },
  {
    name: "an IDE in production",
    succeeds: async ({ url }) => {
      const answer = await fetch(url, { headers: { accept: "text/html" } });
      return /graphiql|playground/i.test(await answer.text()) ? "found" : null;
    },
  },
  {
    name: "answers for any origin",
    succeeds: async ({ url }) => {
      const answer = await fetch(url, {
        method: "OPTIONS",
        headers: { origin: "https://evil.example" },
      });
      return answer.headers.get("access-control-allow-origin");
    },
  },
];
