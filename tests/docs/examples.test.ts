import { buildSchema, parse, validate } from "graphql";
import { describe, expect, test } from "vitest";
import { refusalOf, wordsOf } from "./_command-lines.ts";
import { blocksOf, inlineCode, PAGES, read, textOf } from "./_pages.ts";

const schema = buildSchema(await read("schema.graphql"));

/** Every GraphQL document of a page: blocks of their own, and those in scripts and programs. */
const documentsOf = (text: string): string[] => [
  ...blocksOf(text, "graphql"),
  ...blocksOf(text, "bash", "ts", "").flatMap((block) =>
    [
      ...block.matchAll(/gql '([^']+)'/g),
      ...block.matchAll(/"query":"([^"]+)"/g),
      ...block.matchAll(/`((?:query|mutation|subscription)\b[^`]+)`/g),
    ].map(([, document = ""]) => document),
  ),
];

/** A command line of a page, without `tenantry`. */
interface Line {
  readonly text: string;
  /** It stands in a sentence, or leaves something out: what is missing is no fault. */
  readonly fragment: boolean;
}

/** Up to a comment, a pipe, a redirection or the end of a substitution. */
const COMMAND = /(?:^|\$\()(?:npx )?tenantry ([^|<>#)\n]*(?:<[a-z]+>[^|<>#)\n]*)*)/gm;

const linesOf = (text: string): Line[] => {
  const blocks = blocksOf(text, "bash", "").map((block) => block.replace(/\\\n\s*/g, ""));
  const whole = blocks.flatMap((block) => [...block.matchAll(COMMAND)]);
  const inline = inlineCode(text).flatMap((code) => [...code.matchAll(COMMAND)]);
  return [
    ...whole.map(([, line = ""]) => ({ text: line, fragment: line.includes("…") })),
    ...inline.map(([, line = ""]) => ({ text: line.replace(/[[\]]/g, ""), fragment: true })),
  ];
};

const MISSING = [
  "commander.missingMandatoryOptionValue",
  "commander.missingArgument",
  "commander.optionMissingArgument",
  "commander.help",
  "commander.helpDisplayed",
];

/** What the command line is refused for; null where it is understood. */
async function faultOf({ text, fragment }: Line): Promise<string | null> {
  const refusal = await refusalOf(wordsOf(text));
  if (refusal === null || (fragment && MISSING.includes(refusal.code))) return null;
  return `tenantry ${text}: ${refusal.message}`;
}

describe.each(PAGES)("%s", (page) => {
  test("asks only what the API answers", () => {
    const faults = documentsOf(textOf(page)).flatMap((document) =>
      validate(schema, parse(document)).map((error) => error.message),
    );
    expect(faults).toEqual([]);
  });

  test("names mutations and queries beside commands that exist", () => {
    const fields = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
      Object.keys(type?.getFields() ?? {}),
    );
    const named = blocksOf(textOf(page), "bash", "").flatMap((block) =>
      [...block.matchAll(/#.*\[(\w+)\b[^\]]*\]/g)].map(([, field = ""]) => field),
    );
    expect(named.filter((field) => !fields.includes(field))).toEqual([]);
  });

  test("shows command lines that are understood", async () => {
    const faults = await Promise.all(linesOf(textOf(page)).map(faultOf));
    expect(faults.filter((fault) => fault !== null)).toEqual([]);
  });
});

test("documents and command lines are found where pages have them", () => {
  expect(documentsOf(textOf("README.md"))).toHaveLength(4);
  expect(documentsOf(textOf("docs/service-tokens.md"))).toHaveLength(1);
  expect(linesOf(textOf("README.md"))).toHaveLength(4);
  expect(linesOf(textOf("docs/operating-tenants.md")).length).toBeGreaterThanOrEqual(25);
  expect(linesOf(textOf("docs/access.md")).length).toBeGreaterThan(8);
});

test("a command line with a flag or command that does not exist is found", async () => {
  const faults = await Promise.all(
    ["tenant show --slug acme --verbose", "tenant shw", "operation watch"].map((text) =>
      faultOf({ text, fragment: false }),
    ),
  );
  expect(faults.map((fault) => fault?.split("error: ")[1]?.split("\n")[0])).toEqual([
    "unknown option '--verbose'",
    expect.stringMatching(/^unknown command 'shw'/),
    "missing required argument 'id'",
  ]);
});
