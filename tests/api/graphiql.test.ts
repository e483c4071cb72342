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

test("the IDE's page subscribes over the WebSocket, authorised by the headers editor", () => {
  const page = renderPage(graphiqlOptions("root@tenantry.test"));
  const argument = page.slice(page.lastIndexOf("((options) =>"), page.lastIndexOf(",\n"));
  let stored: string | null = '{ "Authorization": "Bearer kept" }';
  const localStorage = { getItem: (key: string) => (key === "graphiql:headers" ? stored : null) };
  const optionsNow = () => new Function("localStorage", `return ${argument}`)(localStorage);

  const options = optionsNow();
  expect(options.subscriptionsProtocol).toBe("WS");
  expect(options.connectionParams()).toEqual({ authorization: "Bearer kept" });
  options.onEditHeaders('{ "authorization": "Bearer new" }');
  expect(options.connectionParams()).toEqual({ authorization: "Bearer new" });
  options.onEditHeaders('{ "author');
  expect(options.connectionParams()).toEqual({});
  stored = null;
  expect(optionsNow().connectionParams()).toEqual({});
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
