import { getOperationAST, Kind, parse, validate } from "graphql";
import { expect, test } from "vitest";
import { schema } from "../../src/api/schema.ts";
import { graphiqlOptions, renderPage } from "../../src/api/transport/graphiql.ts";
import { openTestApi } from "../kit/api.ts";
import { openPlatform } from "../kit/platform.ts";

test("the IDE is served in development, with all that it needs", async () => {
  await using world = await openPlatform({ environment: { NODE_ENV: "development" } });
  await using api = await openTestApi(world);
  const answer = await fetch(api.url, { headers: { accept: "text/html" } });
  const page = await answer.text();
  expect(answer.headers.get("content-type")).toContain("text/html");
  // Booleans, since nine megabytes of page make no message.
  expect(page.includes("mutation Provision")).toBe(true);
  expect(/unpkg\.com|jsdelivr|cdnjs|esm\.sh/.test(page)).toBe(false);
});

/** What the page's script makes of its options, in a browser that has these. */
async function pageOptions(stored: string | null, answer: () => Response = () => new Response()) {
  const page = await renderPage(graphiqlOptions("root@tenantry.test"));
  const argument = page.slice(page.lastIndexOf("((options) =>"), page.lastIndexOf(",\n"));
  const localStorage = { getItem: (key: string) => (key === "graphiql:headers" ? stored : null) };
  const asked: (string | null)[] = [];
  const window = {
    fetch: async (_url: string, { headers }: { headers: HeadersInit }) => {
      asked.push(new Headers(headers).get("authorization"));
      return answer();
    },
  };
  const make = new Function("localStorage", "globalThis", "location", `return ${argument}`);
  return { asked, window, options: make(localStorage, window, { pathname: "/graphql" }) };
}

const NOBODY = "You are not signed in";

test("the IDE's page subscribes over the WebSocket, authorised by the headers editor", async () => {
  const { options } = await pageOptions('{ "Authorization": "Bearer kept" }');
  expect(options.subscriptionsProtocol).toBe("WS");
  expect(await options.connectionParams()).toEqual({ authorization: "Bearer kept" });
  options.onEditHeaders('{ "authorization": "Bearer new" }');
  expect(await options.connectionParams()).toEqual({ authorization: "Bearer new" });
  options.onEditHeaders('{ "author');
  await expect(options.connectionParams()).rejects.toThrow(NOBODY);
  await expect((await pageOptions(null)).options.connectionParams()).rejects.toThrow(NOBODY);
});

test("who signs in on the IDE's page goes on as signed in, until the token is refused", async () => {
  let answer = Response.json({ data: { signIn: { accessToken: "a.b.c" } } });
  const { asked, window, options } = await pageOptions(null, () => answer);
  const ask = (headers = {}) => window.fetch("/graphql", { headers });
  await ask();
  answer = Response.json({ data: { me: null } });
  expect(await options.connectionParams()).toEqual({ authorization: "Bearer a.b.c" });
  await ask({ authorization: "Bearer other" });
  expect(asked).toEqual([null, "Bearer a.b.c", "Bearer other"]);

  answer = Response.json({ errors: [] }, { status: 401 });
  await expect(options.connectionParams()).rejects.toThrow("Your token was refused");
  await ask();
  expect(asked.slice(-2)).toEqual(["Bearer a.b.c", null]);
  await expect(options.connectionParams()).rejects.toThrow(NOBODY);
});

test("every operation of the IDE's first tab is valid by itself", () => {
  const document = parse(graphiqlOptions("root@tenantry.test").defaultQuery ?? "");
  const operations = document.definitions.filter((it) => it.kind === Kind.OPERATION_DEFINITION);
  expect(operations.map((it) => it.operation)).toContain("subscription");
  for (const operation of operations) {
    // GraphiQL sends the operation at the cursor alone.
    const sent = { ...document, definitions: [operation] };
    expect(getOperationAST(sent)?.name).toBeDefined();
    expect(validate(schema, sent)).toEqual([]);
  }
});
