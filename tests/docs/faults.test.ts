import { expect, test } from "vitest";
import { codeOf, FAULTS, type Fault, OTHER_REFUSAL } from "../../src/database/faults.ts";

const COURSES = {
  LOST: "tried again; what was under way may have taken effect, and is looked for",
  AGAIN: "tried again",
  BOUNDED: "tried again, a few times",
  FENCED: "given up here; the process that goes on decides",
  FINAL: "the operation fails and is undone",
} as const;

const rowOf = (fault: Fault): string => {
  const { codes, texts = [], sentence, course, remedy } = fault;
  const named = [
    ...codes.map((code) => `\`${code}\``),
    ...(texts.length > 0 ? ["by its text"] : []),
  ];
  const which = fault === OTHER_REFUSAL ? "any other SQLSTATE of a db server" : named.join(", ");
  return `| ${which} | ${sentence} | \`${codeOf(fault)}\` | ${COURSES[course]} | ${remedy} |`;
};

const PAGE = `# Faults of PostgreSQL and of the way to it

Written by \`npx vitest run tests/docs/faults.test.ts -u\` from \`src/database/faults.ts\`, which steps, doors and the
durable engine read.

An operation's error names the part (the platform database, or a db server with its database), then the fault, what
PostgreSQL or the driver said, how often it was tried and for how long. A request that is refused as a whole says which
fault it was; what was said is in the log, under the error's id.

A step on a db server is tried six times with pauses that double from half a second. On the platform database, what is
tried again is tried until that is back, and what is tried a few times for about ten seconds. Then the operation fails
and is undone.

Two characters stand for a class of SQLSTATEs.

| fault | what callers read | code | by itself | what to do |
|---|---|---|---|---|
${[...FAULTS, OTHER_REFUSAL].map(rowOf).join("\n")}
`;

test("the page on faults is what the table says", async () => {
  await expect(PAGE).toMatchFileSnapshot("../../docs/faults.md");
});
