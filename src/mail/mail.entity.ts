import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

const MAIL_STATES = ["PENDING", "SENT", "FAILED", "REVOKED"] as const;

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
    state: p.enum(MAIL_STATES),
    attempts: p.integer(),
    nextAttemptAt: p.datetime(),
    lastError: p.text().nullable(),
    createdAt: p.datetime(),
    sentAt: p.datetime().nullable(),
  },
});
export type Mail = InferEntity<typeof MailEntity>;
