import { z } from "zod";
import { AuditEvent } from "../audit/events.ts";
import { ERROR_CODES } from "../kernel/error-codes.ts";

/** docs/errors.md: every error code with its public text, whether to try again, and what to do. */
export const errorsPage = (): string => `# Error codes

Written by \`npm run schema\` from \`src/kernel/error-codes.ts\`; do not edit.

Every error has a \`code\` of this closed list, a \`message\`, \`retryable\` and \`nextAction\`.
[Using the API](api.md#errors) describes where an error appears in an answer. Where the failing code knows
more, the error has a more exact message and next action than the ones below.

*Retryable* says whether the same request can succeed later without being changed.

| code | meaning | retryable | next action |
|---|---|---|---|
${Object.entries(ERROR_CODES)
  .map(
    ([code, { text, retryable, nextAction }]) =>
      `| \`${code}\` | ${text} | ${retryable ? "yes" : "no"} | ${nextAction} |`,
  )
  .join("\n")}
`;

/** docs/audit-events.md: every type of audit event with its meaning and the fields of its detail. */
export const auditEventsPage = (): string => `# Audit events

Written by \`npm run schema\` from \`src/audit/events.ts\`; do not edit.

Every event has a sequence number, a time and an actor, and those of a request have its address. *About*
says whether an event always names a tenant and an operation; others name them if there are any. *Detail*
lists the event's own fields; none holds a secret. [The audit trail](audit.md) describes how to read and verify
the trail, and [which mutation and which command records what](audit.md#which-mutation-records-which-event).

| event | meaning | about | detail |
|---|---|---|---|
${AuditEvent.options.map(rowOf).join("\n")}
`;

type EventSchema = (typeof AuditEvent.options)[number];

function rowOf({ shape, description }: EventSchema): string {
  const about = Object.entries({ tenant: shape.tenant, operation: shape.operationId })
    .filter(([, schema]) => !(schema instanceof z.ZodOptional))
    .map(([name]) => name);
  const cells = [
    `\`${shape.type.value}\``,
    description,
    about.join(", ") || "–",
    detailOf(shape.detail.shape),
  ];
  return `| ${cells.join(" | ")} |`;
}

/** The fields of a detail: those that explain themselves in one line, each other one with its description. */
function detailOf(fields: Readonly<Record<string, z.ZodType>>): string {
  const described = Object.entries(fields).map(([name, schema]) => ({
    name: `\`${name}\``,
    text: schema.description,
  }));
  const plain = described.filter(({ text }) => text === undefined).map(({ name }) => name);
  const lines = described.flatMap(({ name, text }) =>
    text === undefined ? [] : [`${name}: ${text}`],
  );
  return [...(plain.length > 0 ? [plain.join(", ")] : []), ...lines].join("<br>") || "–";
}
