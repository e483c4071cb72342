import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { describedEnum } from "../kernel/described.ts";

export const MailState = describedEnum(
  "MailState",
  "Whether a mail has left for the mail server.",
  {
    PENDING: "Not yet: it is tried again by itself, for four days.",
    SENT: "The mail server has taken it.",
    FAILED: "Never: the mail server refused it for good, or was away for too long.",
    REVOKED: "Never: what it was about has changed before it left.",
  },
);

export const MailEntity = defineEntity({
  name: "Mail",
  tableName: "mail",
  schema: "platform",
  properties: {
    id: p.uuid().primary(),
    template: p.string(),
    recipient: p.string(),
    /** What the template needs, and nothing secret: links are made when the mail is sent. */
    params: p.json().$type<Record<string, unknown>>(),
    /** The id of what it tells of (an invitation, a membership): revoked together with it. */
    subjectId: p.uuid(),
    state: p.enum(MailState.options),
    attempts: p.integer(),
    nextAttemptAt: p.datetime(),
    lastError: p.text().strictNullable(),
    createdAt: p.datetime(),
    sentAt: p.datetime().strictNullable(),
  },
});
export type Mail = InferEntity<typeof MailEntity>;
